"""The project by the rules of Azure Functions Core Tools, as docs/core-tools.md has them from their source."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "core-tools.md").read_text(encoding="utf-8")
HOST = json.loads((ROOT / "host.json").read_text())
LOCAL = json.loads((ROOT / "local.settings.json").read_text())
VALUES = LOCAL["Values"]
FUNCTIONS = {path.parent.name: json.loads(path.read_text()) for path in sorted(ROOT.glob("*/function.json"))}
BINDINGS = [binding for function in FUNCTIONS.values() for binding in function["bindings"]]
#: ``Constants.TriggersWithoutStorage``
WITHOUT_STORAGE = {
    "httptrigger", "kafkatrigger", "rabbitmqtrigger", "orchestrationtrigger", "activitytrigger", "entitytrigger",
}  # fmt: skip
#: ``ExtensionBundleHelper.VersionRangeWithWildcardPattern``
RANGE = re.compile(r"\[(\d+(?:\.\d+(?:\.\d+)?)?|\d+)\.\*?,\s*(\d+\.\d+\.\d+)\)")


def rows(head):
    table = PAGE.partition(f"\n{head}\n")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]


def test_the_settings_file_is_plain_and_holds_texts():
    assert LOCAL["IsEncrypted"] is False
    assert {type(value) for value in VALUES.values()} == {str}
    assert VALUES["FUNCTIONS_WORKER_RUNTIME"] == "python"
    assert set(LOCAL) == {"IsEncrypted", "Values", "Host"}
    assert set(LOCAL["Host"]) <= {"LocalHttpPort", "LocalHttpAddress", "CORS", "CORSCredentials"}
    assert not [name for name in VALUES if not name or name == "CONTAINER_NAME"]
    assert "PYTHON_SCRIPT_FILE_NAME" not in VALUES
    assert not [value for value in VALUES.values() if value.startswith("@Microsoft.KeyVault(")]


def test_the_settings_file_holds_no_secret():
    found = [name for name in VALUES if re.search(r"KEY|SECRET|PASSWORD|TOKEN_ENC", name, re.IGNORECASE)]
    assert found == []
    assert VALUES["AzureWebJobsStorage"] == "UseDevelopmentStorage=true"


def test_storage_is_named_because_there_are_triggers_that_need_it():
    triggers = {binding["type"].lower() for binding in BINDINGS if "trigger" in binding["type"].lower()}
    assert triggers - WITHOUT_STORAGE == {"blobtrigger", "queuetrigger", "timertrigger"}
    assert VALUES["AzureWebJobsStorage"].strip()


def test_every_connection_and_every_setting_of_a_binding_is_there():
    for binding in BINDINGS:
        for name in ("connection", "apiKey", "accountSid", "authToken"):
            assert name not in binding or binding[name] in VALUES
        for text in map(str, binding.values()):
            assert set(re.findall(r"%([^%]+)%", text)) <= set(VALUES)


def test_the_bundle_has_a_range_that_core_tools_read_and_do_not_call_deprecated():
    bundle = HOST["extensionBundle"]
    assert bundle["id"] == "Microsoft.Azure.Functions.ExtensionBundle"
    low, high = RANGE.fullmatch(bundle["version"]).groups()
    assert (int(low), high) == (4, "5.0.0")


def test_host_json_says_what_the_page_says():
    assert HOST["version"] == "2.0"
    assert HOST["functionTimeout"] == "00:10:00"
    assert HOST["extensions"]["http"]["routePrefix"] == "api"
    assert "logLevel" not in HOST["logging"]


def test_every_function_is_of_the_first_model_and_has_its_script():
    assert len(FUNCTIONS) == 7
    for name, function in FUNCTIONS.items():
        assert (ROOT / name / function["scriptFile"]).is_file()
        assert (function["scriptFile"], function["entryPoint"]) == ("__init__.py", "main")
    for name in ("function_app.py", "proxies.json", "extensions.csproj", "go.mod", "package.json"):
        assert not (ROOT / name).exists()


def test_what_publishing_looks_for_is_there():
    requirements = (ROOT / "requirements.txt").read_text()
    assert "azure-functions-worker" not in requirements
    assert re.search(r"^azure-functions>=", requirements, re.MULTILINE)


def test_this_python_is_one_that_core_tools_start():
    assert (3, 10) <= sys.version_info[:2] <= (3, 14)


def test_the_page_has_both_tables_whole():
    read = rows("| What `func start` reads | Its rule | Here |")
    assert len(read) >= 24
    assert all(len(cells) == 3 and cells[0] and cells[1] for cells in read)
    assert all(len(cells) == 3 for cells in rows("| | `func start` | the local host |"))


@pytest.mark.parametrize(
    "name", ["AzureWebJobsStorage", "FUNCTIONS_WORKER_RUNTIME", "IsEncrypted", "Host.LocalHttpPort"]
)
def test_the_page_names_what_is_set(name):
    assert f"`{name}`" in PAGE
