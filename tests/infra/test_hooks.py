"""The hooks of azd, against a stand-in of the Azure CLI that notes what it is asked, and a manage.py that does so too."""

import base64
import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.infra.bicep import INFRA, ROOT

AZ = """#!{python}
import json, os, pathlib, sys
home = pathlib.Path({home!r})
arguments = sys.argv[1:]
kept = home / "ring"
if "--file" in arguments:
    source = pathlib.Path(arguments[arguments.index("--file") + 1])
    kept.write_text(source.read_text())
    (home / "mode").write_text(oct(source.stat().st_mode & 0o777))
with (home / "asked").open("a") as log:
    log.write(json.dumps(arguments) + "\\n")
if (home / "refuses").exists() and arguments[0] in (home / "refuses").read_text():
    print("Forbidden by the stand-in", file=sys.stderr)
    sys.exit(1)
if arguments[:3] == ["keyvault", "secret", "list"] and kept.exists():
    print("token-encryption-keys")
if arguments[:3] == ["keyvault", "secret", "show"]:
    print(kept.read_text())
"""
MANAGE = """
import json, os, pathlib, sys
names = ("AZURE_SQL_CONNECTION_STRING", "DATABASE_URL", "TOKEN_ENCRYPTION_KEYS", "AzureWebJobsStorage__accountName")
with (pathlib.Path(__file__).parent / "managed").open("a") as log:
    log.write(json.dumps([sys.argv[1:], {name: os.environ[name] for name in names if name in os.environ}]) + "\\n")
"""
OUTPUTS = {
    "SQL_HOST": "sql-x.database.windows.net",
    "SQL_DATABASE": "invoices",
    "VAULT_NAME": "kv-x",
    "IDENTITY_NAME": "id-invoices-x",
    "IDENTITY_OBJECT_ID": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
    "STORAGE_NAME": "stx",
    "APP_NAME": "func-x",
    "APP_HOST": "func-x.azurewebsites.net",
    "APP_PLAN": "flex",
    "AZURE_RESOURCE_GROUP": "rg-x",
    "DATABASE_URL": "sqlite:///of-a-laptop.sqlite",
}

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script of Unix")


class Place:
    """A copy of the hooks beside a manage.py that only notes its calls."""

    def __init__(self, folder):
        self.folder, tools = folder, folder / "bin"
        shutil.copytree(INFRA / "hooks", folder / "infra" / "hooks", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "manage.py").write_text(MANAGE)
        tools.mkdir()
        (tools / "az").write_text(AZ.format(python=sys.executable, home=str(folder)))
        (tools / "az").chmod(0o700)
        kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        self.environment = kept | {"PATH": str(tools)} | OUTPUTS

    def run(self, hook, *arguments, **changes):
        environment = {name: value for name, value in (self.environment | changes).items() if value is not None}
        return subprocess.run(
            [sys.executable, str(self.folder / "infra" / "hooks" / f"{hook}.py"), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def lines(self, name):
        path = self.folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_after_provisioning_there_are_a_ring_a_schema_and_a_login(place):
    done = place.run("after_provision")
    assert done.returncode == 0, done.stderr
    ring = (place.folder / "ring").read_text()
    name, _, encoded = ring.partition(":")
    assert name.startswith("k20")
    assert len(base64.b64decode(encoded)) == 32
    assert (place.folder / "mode").read_text() == "0o600"
    assert ring not in done.stdout + done.stderr + json.dumps(place.lines("asked"))
    (upgrade, environment), (admit, _) = place.lines("managed")
    assert upgrade == ["db", "upgrade"]
    assert admit == ["db", "let-in", "id-invoices-x", "--object-id", OUTPUTS["IDENTITY_OBJECT_ID"]]
    assert environment["AZURE_SQL_CONNECTION_STRING"].startswith(
        "Driver={ODBC Driver 18 for SQL Server};Server=tcp:sql-x"
    )
    assert "pwd" not in environment["AZURE_SQL_CONNECTION_STRING"].lower()
    assert "DATABASE_URL" not in environment


def test_a_ring_that_is_there_is_never_made_anew(place):
    (place.folder / "ring").write_text("k1:old")
    assert place.run("after_provision").returncode == 0
    assert (place.folder / "ring").read_text() == "k1:old"
    assert not [asked for asked in place.lines("asked") if asked[:3] == ["keyvault", "secret", "set"]]


def test_a_vault_that_refuses_stops_before_anything_is_made(place):
    (place.folder / "refuses").write_text("keyvault")
    done = place.run("after_provision")
    assert done.returncode == 1
    assert "Forbidden by the stand-in" in done.stderr
    assert not place.lines("managed")


def test_a_schema_that_cannot_be_brought_up_to_date_stops_the_deployment(place):
    (place.folder / "manage.py").write_text("import sys; sys.exit(1)")
    done = place.run("before_deploy")
    assert done.returncode == 1
    assert "nothing was deployed" in done.stderr


def test_events_are_subscribed_by_the_template(place):
    done = place.run("after_deploy")
    assert done.returncode == 0, done.stderr
    (asked,) = place.lines("asked")
    assert asked[:3] == ["deployment", "group", "create"]
    assert asked[asked.index("--template-file") + 1].endswith("events.bicep")
    assert {"appName=func-x", "storageName=stx"} <= set(asked)


def test_the_azure_cli_works_on_the_subscription_that_azd_has_chosen(place):
    assert place.run("after_deploy", AZURE_SUBSCRIPTION_ID="5f1c").returncode == 0
    (asked,) = place.lines("asked")
    assert asked[asked.index("--subscription") + 1] == "5f1c"


def test_a_plan_that_polls_needs_no_events(place):
    assert place.run("after_deploy", APP_PLAN="premium").returncode == 0
    assert not place.lines("asked")


def test_manage_works_on_the_deployment_with_the_ring_of_the_vault(place):
    (place.folder / "ring").write_text("k1:of-the-vault")
    done = place.run("manage_azure", "setup", "--company", "NT047")
    assert done.returncode == 0, done.stderr
    ((arguments, environment),) = place.lines("managed")
    assert arguments == ["setup", "--company", "NT047"]
    assert environment["TOKEN_ENCRYPTION_KEYS"] == "k1:of-the-vault"
    assert environment["AzureWebJobsStorage__accountName"] == "stx"


def test_what_is_missing_is_named(place):
    done = place.run("after_provision", VAULT_NAME=None)
    assert done.returncode == 1
    assert "VAULT_NAME is not set" in done.stderr


def test_azd_runs_hooks_that_are_there():
    import yaml

    project = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))
    assert set(project["hooks"]) == {"prepackage", "postprovision", "predeploy", "postdeploy"}
    for hook in project["hooks"].values():
        for system in hook.values():
            assert (ROOT / system["run"].split()[1]).exists()
    assert project["services"]["app"]["project"] == "dist/flex"
    assert '"dist" / "flex"' in (INFRA / "hooks" / "before_package.py").read_text(encoding="utf-8")
    tag = (INFRA / "modules" / "app-flex.bicep").read_text(encoding="utf-8")
    assert "'azd-service-name': 'app'" in tag
