from pathlib import Path

import pytest

from devstack.setup.stack import Options, Ports, Stack, loopback_without_proxy


def make(tmp_path, **options):
    secrets = {"encryption_keys": "k:v", "demo_key": "d", "admin_key_id": "i", "admin_secret": "s"}
    return Stack(
        root=tmp_path,
        state=Path("/state"),
        python=Path("/venv/python"),
        azurite_command=["node", "azurite.js"],
        options=Options(state=Path("/state"), **options),
        ports=Ports(host=1, gemini=2, openai=3, blob=4, queue=5, table=6),
        secrets=secrets,
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"NO_PROXY": "corp.example"}, "corp.example,127.0.0.1,localhost"),
        ({"no_proxy": "localhost, .corp"}, "localhost,.corp,127.0.0.1"),
        ({"NO_PROXY": "*", "HTTP_PROXY": "http://p:1"}, "*,127.0.0.1,localhost"),
    ],
)
def test_loopback_goes_around_any_proxy(given, expected):
    merged = loopback_without_proxy(given)
    assert merged["NO_PROXY"] == merged["no_proxy"] == expected
    assert merged.get("HTTP_PROXY") == given.get("HTTP_PROXY")


def test_the_database_is_a_file_in_the_state_folder_unless_one_is_named(tmp_path):
    assert make(tmp_path).database_url == "sqlite:////state/database.sqlite"
    assert make(tmp_path, database="postgresql+psycopg://h/d").database_url == "postgresql+psycopg://h/d"


def test_the_stack_decides_over_settings_lying_about_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("AZURE_SQL_CONNECTION_STRING", "Server=production")
    monkeypatch.setenv("DATABASE_URL", "postgresql://production")
    environment = make(tmp_path).environment()
    assert environment["AZURE_SQL_CONNECTION_STRING"] == ""
    assert environment["DATABASE_URL"].startswith("sqlite:")


def test_real_models_take_the_stand_ins_and_the_demo_key_away(tmp_path):
    stack = make(tmp_path, real_models=True)
    assert stack.gemini_url is None
    assert stack.settings()["GEMINI_BASE_URL"] == stack.settings()["OPENAI_BASE_URL"] == ""
    assert "SEED_COMPANY_ID" not in stack.seed_environment()


def test_no_seed_makes_no_company(tmp_path):
    assert "SEED_COMPANY_ID" in make(tmp_path).seed_environment()
    assert "SEED_COMPANY_ID" not in make(tmp_path, seed=False).seed_environment()


def test_the_console_is_named_once_the_app_has_one(tmp_path):
    assert make(tmp_path).console_path is None
    (tmp_path / "shared_code" / "admin" / "console").mkdir(parents=True)
    assert make(tmp_path).console_path == "/api/manage/console/"


def test_secrets_stand_in_no_command(tmp_path):
    stack = make(tmp_path)
    commands = [stack.storage_command(), stack.seed_command(), stack.host_command(), stack.model_command("gemini", 2)]
    assert not {"k:v", "d", "s"} & {part for command in commands for part in command}


def test_another_model_server_stands_in_for_the_stand_in_and_the_demo_key_stays(tmp_path):
    stack = make(tmp_path, gemini_url="https://gateway.example/gemini")
    assert stack.gemini_url == stack.settings()["GEMINI_BASE_URL"] == "https://gateway.example/gemini"
    assert stack.model_ports == {"openai": 3}
    assert "gemini" not in {question.name for question in stack.questions()}
    assert "SEED_COMPANY_ID" in stack.seed_environment()
    assert make(tmp_path).model_ports == {"gemini": 2, "openai": 3}
    assert make(tmp_path, real_models=True).model_ports == {}
