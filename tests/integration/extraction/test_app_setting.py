"""The seed's appSetting.txt: only where it is named, only for a company without any row, and never unnoticed."""

import pytest

from shared_code import errors
from shared_code.bootstrap import build, build_services
from shared_code.errors import ConfigurationError
from shared_code.token_manager import TokenManager

from .conftest import Pipeline


@pytest.fixture
def with_file(pipeline_settings, gemini, pauses, tmp_path, monkeypatch):
    """A pipeline with APP_SETTING_FILE, and a file of the seed's name lying about in the working folder."""
    monkeypatch.chdir(tmp_path)
    opened = []

    def make(text: str, *, named: bool = True) -> Pipeline:
        path = tmp_path / "appSetting.txt"
        path.write_text(text, encoding="utf-8")
        services = build_services(
            pipeline_settings(app_setting_file=str(path) if named else None), monotonic=pauses, sleep=pauses.sleep
        )
        opened.append(services)
        return Pipeline(services, gemini)

    yield make
    for services in opened:
        services.close()


@pytest.mark.parametrize(
    "text",
    [
        "model=gemini-3.8-flash\napi_key= AIzaFromTheFile0001 \n",
        '{"model": "gemini-3.8-flash", "api_key": "AIzaFromTheFile0001"}',
    ],
)
def test_it_serves_a_company_without_any_row_and_warns(with_file, text, caplog, monkeypatch):
    pipeline = with_file(text)
    monkeypatch.setattr(build, "_services", pipeline.services)
    pipeline.extract(company="NOKEYS")
    row = pipeline.rows()[0]
    assert (row.TokenID, row.CompanyID) == (None, "NOKEYS")
    assert row.TotalTokensUsed > 0
    assert row.Model.startswith("gemini-3.8-flash")
    assert "APP_SETTING_FILE" in caplog.text
    assert "AIzaFromTheFile0001" not in caplog.text
    model, key, info = TokenManager.get_gemini_model_and_api_key("nokeys")
    assert (model, key, info["success"]) == ("gemini-3.8-flash", "AIzaFromTheFile0001", True)


def test_a_company_whose_keys_are_all_disabled_gets_no_free_ride(with_file):
    pipeline = with_file("api_key=AIzaFromTheFile0001")
    pipeline.add_key(status="Disabled")
    with pytest.raises(errors.TokenUnavailable):
        pipeline.extract()


def test_a_file_that_nobody_named_is_not_read(with_file):
    pipeline = with_file("api_key=AIzaFromTheFile0001", named=False)
    with pytest.raises(errors.TokenNotFound):
        pipeline.extract(company="NOKEYS")


@pytest.mark.parametrize("text", ["model=x\napi_key=\n", "{broken", '{"model": "x"}'])
def test_a_file_without_a_key_is_a_clear_configuration_error(with_file, text):
    with pytest.raises(ConfigurationError, match="APP_SETTING_FILE"):
        with_file(text)
