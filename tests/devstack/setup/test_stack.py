import socket
from dataclasses import asdict
from pathlib import Path

import pytest

from devstack.setup.run import powershell
from devstack.setup.stack import Options, Ports, Stack, loopback_without_proxy, route_prefix


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
    (tmp_path / "shared_code" / "console").mkdir(parents=True)
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


def test_origins_of_front_ends_are_told_to_the_host_and_none_is_the_default(tmp_path):
    origins = ("http://localhost:5173", "https://app.example")
    assert "http://localhost:5173,https://app.example" in make(tmp_path, cors=origins).host_command()
    assert "--cors" not in make(tmp_path).host_command()


@pytest.mark.parametrize(
    ("host_json", "environment", "prefix"),
    [
        (None, {}, "api"),
        ("{}", {}, "api"),
        ('{"extensions": {"http": {"routePrefix": ""}}}', {}, ""),
        ('{"extensions": {"http": {"routePrefix": "v1/"}}}', {}, "v1"),
        (
            '{"extensions": {"http": {"routePrefix": "v1"}}}',
            {"AZUREFUNCTIONSJOBHOST__extensions__http__routePrefix": ""},
            "",
        ),
    ],
)
def test_addresses_begin_as_host_json_says(tmp_path, host_json, environment, prefix):
    if host_json is not None:
        (tmp_path / "host.json").write_text(host_json)
    assert route_prefix(tmp_path, environment) == prefix


def test_what_is_asked_for_readiness_has_the_prefix_of_host_json(tmp_path):
    (tmp_path / "HealthFunction").mkdir()
    (tmp_path / "HealthFunction" / "function.json").write_text("{}")
    assert "/api/health/ready" in {question.path for question in make(tmp_path).questions()}
    (tmp_path / "host.json").write_text('{"extensions": {"http": {"routePrefix": ""}}}')
    assert "/health/ready" in {question.path for question in make(tmp_path).questions()}


def test_ports_of_an_earlier_run_are_taken_again_where_they_are_free(tmp_path):
    first = Ports.choose(1)
    assert Ports.choose(1, asdict(first)) == first
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", first.blob))
        holder.listen()
        second = Ports.choose(1, asdict(first))
    assert second.blob != first.blob
    assert asdict(second) | {"blob": 0} == asdict(first) | {"blob": 0}
    # The host's own port is never given to another, nor one port to two.
    third = asdict(Ports.choose(first.gemini, {"gemini": first.gemini, "openai": first.openai, "blob": first.openai}))
    assert len(set(third.values())) == len(third)


def test_settings_for_powershell_keep_every_character():
    script = powershell({"DATABASE_URL": "sqlite:////o'brien/\u00fcber $HOME.db", "EMPTY": ""})
    assert script == "\ufeff$env:DATABASE_URL = 'sqlite:////o''brien/\u00fcber $HOME.db'\n$env:EMPTY = ''\n"
