"""docs/settings.md is what ``python -m devstack.settings_page`` writes."""

from devstack import settings_page
from shared_code.settings import Settings


def test_the_page_is_the_one_that_is_written():
    assert settings_page.PAGE.read_text(encoding="utf-8") == settings_page.page(), (
        "Run `python -m devstack.settings_page`."
    )


def test_every_setting_stands_there_once_with_a_meaning():
    lines = settings_page.page().splitlines()
    for name in Settings.model_fields:
        (row,) = [line for line in lines if line.startswith(f"| `{name.upper()}` |")]
        assert len(row.strip("| ").split("|")[-1].strip()) > 10, name


def test_bounds_and_choices_are_said():
    rows = {
        line.split("|")[1].strip(" `"): line.split("|")[3].strip()
        for line in settings_page.page().splitlines()
        if line.startswith("| `")
    }
    assert rows["MAX_RETRIES"] == "whole number from 0 to 10"
    assert rows["DB_POOL_SIZE"] == "whole number above 0"
    assert rows["KEEP_DOCUMENTS"] == "`off` or `review` or `all`"
    assert rows["TOKEN_ENCRYPTION_KEYS"] == "text, secret"
    assert rows["OPENAI_FALLBACK_MODEL"] == "text"
