"""The templates hold what keeps the deployment closed, keyless and within its limits."""

import itertools
import json
import re

import pytest

from shared_code.settings import Settings
from tests.infra.bicep import FILES, INFRA, ROOT, evaluate, module, parsed, resources, text_of

#: what the platform reads, not our code
PLATFORM = {
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_RUNTIME",
    "PYTHON_THREADPOOL_THREAD_COUNT",
    "ROLLUP_SCHEDULE",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID",
    "AzureFunctionsJobHost__telemetryMode",
}
#: what our code reads beside the settings, as the platform names it (shared_code/blobs/clients.py)
IDENTITY_STORAGE = {
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
}
APPS = ("app-flex", "app-premium")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_is_bicep_and_small(path):
    assert parsed(path)
    assert len(path.read_text(encoding="utf-8").splitlines()) <= (400 if path.stem == "main" else 200)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_is_declared_in_vain(path):
    text = path.read_text(encoding="utf-8")
    declared = [*parsed(path).get("parameters", {}), *parsed(path).get("variables", {})]
    assert [name for name in declared if len(re.findall(rf"\b{name}\b", text)) < 2] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_modules_get_the_parameters_that_they_declare_and_give_the_outputs_that_are_read(path):
    text, targets = path.read_text(encoding="utf-8"), {}
    for name, each in parsed(path).get("modules", {}).items():
        config = each["config"]
        config = config.get("config", config)
        target = parsed((path.parent / each["detail"]["path"]).resolve())
        targets[name] = target
        given = (
            set(config["params"])
            if "params" in config
            else set(re.findall(r"^    (\w+):", block(text, name), re.MULTILINE))
        )
        declared = target["parameters"]
        assert given <= set(declared)
        assert {key for key, value in declared.items() if value["default"] is None} <= given
    for name, output in re.findall(r"\b(\w+)\.outputs\.(\w+)", text):
        assert output in targets[name]["outputs"], f"{name}.outputs.{output}"


def block(text, name):
    """The text of a module's declaration, for those in a loop."""
    rest = text[re.search(rf"^module {name} ", text, re.MULTILINE).start() :]
    return rest[: rest.index("\n}")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_secret_is_given_in_or_out(path):
    """Where there is none, none can leak: ``listKeys`` stands only where the endpoint of events is made."""
    tree, text = parsed(path), path.read_text(encoding="utf-8")
    named = [*tree.get("parameters", {}), *tree.get("outputs", {})]
    assert [name for name in named if re.search("password|secret|accountkey|sas", name, re.IGNORECASE)] == []
    assert text.count("listKeys(") == (1 if path.stem == "events" else 0)
    assert "listKeys" not in text_of(tree.get("outputs", {}))
    assert "AccountKey" not in text
    assert not tree.get("outputs", {}) or "@secure" not in text


def test_storage_is_opened_by_no_key_and_read_by_nobody_else():
    (account,) = resources(module("storage"), "Microsoft.Storage/storageAccounts").values()
    facts = account["properties"]
    assert facts["allowSharedKeyAccess"] is False
    assert facts["allowBlobPublicAccess"] is False
    assert facts["minimumTlsVersion"] == "TLS1_2"
    assert facts["supportsHttpsTrafficOnly"] is True
    assert choice(facts["publicNetworkAccess"]) == ("isPrivate", "Disabled", "Enabled")
    assert choice(facts["networkAcls"]["defaultAction"]) == ("isPrivate", "Deny", "Allow")
    assert choice(account["sku"]["name"]) == ("zoneRedundant", "Standard_ZRS", "Standard_LRS")


def choice(value):
    """Condition and the two values of a conditional expression."""
    operands = value["operator"]["operands"]
    return operands["condition"], operands["true_value"], operands["false_value"]


def test_the_database_knows_no_password():
    tree = module("database")
    (server,) = resources(tree, "Microsoft.Sql/servers").values()
    assert server["properties"]["administrators"]["azureADOnlyAuthentication"] is True
    assert server["properties"]["minimalTlsVersion"] == "1.2"
    assert choice(server["properties"]["publicNetworkAccess"]) == ("isPrivate", "Disabled", "Enabled")
    assert "administratorLogin" not in server["properties"]
    (database,) = resources(tree, "Microsoft.Sql/servers/databases").values()
    assert database["sku"]["name"] == "GP_S_Gen5"
    for rule in resources(tree, "Microsoft.Sql/servers/firewallRules").values():
        addresses = rule["properties"]
        assert addresses["startIpAddress"] == addresses["endIpAddress"], "one address, never a range"
    text = (INFRA / "modules" / "database.bicep").read_text(encoding="utf-8")
    assert len(re.findall(r"firewallRules@[\d-]+' = if \(!isPrivate", text)) == 2


def test_the_vault_is_governed_by_roles_and_cannot_be_purged():
    (vault,) = resources(module("vault"), "Microsoft.KeyVault/vaults").values()
    assert vault["properties"]["enableRbacAuthorization"] is True
    assert vault["properties"]["enablePurgeProtection"] is True
    assert choice(vault["properties"]["publicNetworkAccess"]) == ("isPrivate", "Disabled", "Enabled")
    text = "".join(path.read_text(encoding="utf-8") for path in FILES)
    assert "vaults/secrets" not in text, "the ring is made by the hook: no template knows it"


def test_telemetry_is_taken_with_a_token_only():
    tree = module("monitoring")
    (component,) = resources(tree, "Microsoft.Insights/components").values()
    assert component["properties"]["DisableLocalAuth"] is True


def test_the_identity_has_these_roles_and_no_others():
    """Microsoft Learn, "Azure built-in roles"."""
    tree = module("roles")
    known = {
        "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
        "storageBlobDataContributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        "storageQueueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
        "keyVaultSecretsUser": "4633458b-17de-408a-b874-0445c86b69e6",
        "keyVaultSecretsOfficer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
        "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    }
    assert tree["variables"]["roles"]["value"] == known
    given = set()
    for assignment in resources(tree, "Microsoft.Authorization/roleAssignments").values():
        role = assignment["properties"]["roleDefinitionId"]["function"]["parameters"]["resource_name_1"]
        name = role["operator"]["operands"]["operand_2"]
        given.add((name, assignment["properties"]["principalId"], assignment["scope"]))
    assert given == {
        ("storageBlobDataOwner", "principalId", "storage"),
        ("storageQueueDataContributor", "principalId", "storage"),
        ("keyVaultSecretsUser", "principalId", "vault"),
        ("monitoringMetricsPublisher", "principalId", "component"),
        ("keyVaultSecretsOfficer", "deployerObjectId", "vault"),
        ("storageBlobDataContributor", "deployerObjectId", "storage"),
        ("storageQueueDataContributor", "deployerObjectId", "storage"),
    }


@pytest.mark.parametrize("name", APPS)
def test_the_app_is_closed_and_has_the_identity_for_all(name):
    tree = module(name)
    (app,) = resources(tree, "Microsoft.Web/sites").values()
    assert app["identity"]["type"] == "UserAssigned"
    assert "identityId" in text_of(app["identity"]["userAssignedIdentities"])
    assert app["properties"]["keyVaultReferenceIdentity"] == "identityId"
    assert app["properties"]["httpsOnly"] is True
    site = app["properties"]["siteConfig"]
    assert (site["minTlsVersion"], site["scmMinTlsVersion"], site["ftpsState"]) == ("1.2", "1.2", "Disabled")
    policies = resources(tree, "Microsoft.Web/sites/basicPublishingCredentialsPolicies").values()
    assert {policy["name"]: policy["properties"]["allow"] for policy in policies} == {"ftp": False, "scm": False}
    (plan,) = resources(tree, "Microsoft.Web/serverfarms").values()
    assert plan["properties"]["zoneRedundant"] == "zoneRedundant"


def test_flex_runs_our_python_and_keeps_an_instance_for_blobs():
    (app,) = resources(module("app-flex"), "Microsoft.Web/sites").values()
    config = app["properties"]["functionAppConfig"]
    pinned = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    assert config["runtime"] == {"name": "python", "version": ".".join(pinned.split(".")[:2])}
    scale = config["scaleAndConcurrency"]
    assert scale["alwaysReady"] == [{"name": "blob", "instanceCount": 1}]
    assert scale["triggers"]["http"]["perInstanceConcurrency"] == "httpConcurrency"
    login = config["deployment"]["storage"]["authentication"]
    assert login == {"type": "UserAssignedIdentity", "userAssignedIdentityResourceId": "identityId"}


def test_premium_polls_and_takes_its_package_by_the_identity():
    text = (INFRA / "modules" / "app-premium.bicep").read_text(encoding="utf-8")
    assert "WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID: identityId" in text
    assert "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING" not in text, "it needs a key"
    function = json.loads((ROOT / "InvoiceBlobFunction" / "function.json").read_text(encoding="utf-8"))
    assert "source" not in function["bindings"][0]


def setting_names():
    variables = module("settings")["variables"]
    found = set(
        itertools.chain.from_iterable(each["value"] for each in variables.values() if "operator" not in each["value"])
    )
    for each in variables.values():
        if "operator" in each["value"]:
            found |= set(choice(each["value"])[2])
    premium = (INFRA / "modules" / "app-premium.bicep").read_text(encoding="utf-8")
    return found | set(re.findall(r"^    ([A-Z_]+):", premium, re.MULTILINE))


def test_each_setting_that_the_templates_make_is_read_by_somebody():
    ours = {name.upper() for name in Settings.model_fields}
    found = setting_names()
    assert len(found) > 20
    assert found - ours == PLATFORM | IDENTITY_STORAGE


def test_what_is_secret_comes_from_the_vault():
    values = module("settings")["variables"]["common"]["value"]
    assert values["TOKEN_ENCRYPTION_KEYS"].startswith("@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/")
    for name in ("AzureWebJobsStorage", "DATABASE_URL"):
        assert name not in setting_names()
    assert not re.search("pwd|password|uid", values["AZURE_SQL_CONNECTION_STRING"], re.IGNORECASE)
    assert "Encrypt=yes;TrustServerCertificate=no" in values["AZURE_SQL_CONNECTION_STRING"]
    assert values["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"] == "ClientId=${identityClientId};Authorization=AAD"


def pool(**names):
    tree = module("pool")
    names = {"reserved": 20} | names
    return {key: evaluate(each["value"], names, tree["variables"]) for key, each in tree["outputs"].items()}


def defaults():
    parameters = module("main")["parameters"]
    return {key: parameters[key]["default"] for key in ("sqlMaxVCores", "maximumInstances", "processesPerInstance")}


def test_the_least_vcores_are_those_that_azure_takes_for_each_size():
    """Microsoft Learn, "Resource limits for single databases": an eighth of the most, and half a one at least."""
    tree = module("database")
    least = tree["variables"]["leastThousandths"]["value"]
    sizes = {1: 500, 2: 500, 4: 500, 6: 750, 8: 1000, 10: 1250, 16: 2000, 18: 2250, 40: 5000, 80: 10_000}
    assert {size: evaluate(least, {"maxVCores": size}, {}) for size in sizes} == sizes
    text = (INFRA / "modules" / "database.bicep").read_text(encoding="utf-8")
    assert "minCapacity: json(minVCores)" in text


@pytest.mark.parametrize("vcores", [2, 4, 8, 16])
@pytest.mark.parametrize("instances", [1, 10, 20])
@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(("groups", "beyond"), [(4, 60), (1, 0)], ids=["flex", "premium"])
def test_pools_of_all_processes_stay_under_the_limit_of_the_database(vcores, instances, processes, groups, beyond):
    made = pool(
        maxVCores=vcores,
        maximumInstances=instances,
        processesPerInstance=processes,
        groups=groups,
        instancesBeyondControl=beyond,
    )
    each = made["poolSize"] + made["maxOverflow"]
    at_worst = each * made["worstCaseProcesses"]
    assert made["worstCaseProcesses"] == max(instances * groups, beyond) * processes
    fits = at_worst <= made["connectionLimit"] < vcores * 75
    assert fits or each == 1, "one connection is the least; the service warns where that is too many"


def test_the_defaults_leave_each_process_some_connections():
    given = defaults()
    made = pool(
        maxVCores=given["sqlMaxVCores"],
        maximumInstances=given["maximumInstances"],
        processesPerInstance=given["processesPerInstance"],
        groups=4,
        instancesBeyondControl=60,
    )
    assert made == {"connectionLimit": 280, "worstCaseProcesses": 60, "poolSize": 3, "maxOverflow": 1}


def test_main_hands_the_worst_case_of_the_plan_to_the_pool():
    given = module("main")["modules"]["pool"]["config"]["params"]
    assert choice(given["groups"]) == ("isFlex", 4, 1)
    assert choice(given["instancesBeyondControl"]) == ("isFlex", 60, 0)


def test_time_limits_fit_into_each_other():
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    hours, minutes, seconds = (int(part) for part in host["functionTimeout"].split(":"))
    limit, settings = hours * 3600 + minutes * 60 + seconds, Settings.model_fields
    assert settings["request_deadline_seconds"].default < 230, "Azure's gateway cuts a request there"
    assert settings["blob_deadline_seconds"].default + settings["lease_margin_seconds"].default <= limit
    (parameter,) = [each for each in [module("main")["parameters"]["httpConcurrency"]] if each]
    assert parameter["default"] <= settings["max_concurrent_uploads"].default
    assert host["extensions"]["blobs"]["poisonBlobThreshold"] == 5


def test_events_go_to_the_function_that_is_there():
    tree = module("events")
    assert tree["variables"]["functionName"]["value"] == "InvoiceBlobFunction"
    assert (ROOT / "InvoiceBlobFunction" / "function.json").exists()
    assert tree["variables"]["container"]["value"] == Settings.model_fields["invoice_container"].default
    (subscription,) = resources(tree, "Microsoft.EventGrid/systemTopics/eventSubscriptions").values()
    assert subscription["properties"]["filter"]["includedEventTypes"] == ["Microsoft.Storage.BlobCreated"]


def test_containers_and_queues_are_those_of_the_settings():
    text = (INFRA / "modules" / "storage.bicep").read_text(encoding="utf-8")
    for field in ("invoice_container", "result_container"):
        assert f"'{Settings.model_fields[field].default}'" in text
    queue = json.loads((ROOT / "ExtractionJobFunction" / "function.json").read_text(encoding="utf-8"))
    assert f"name: '{queue['bindings'][0]['queueName']}'" in text


def test_a_private_network_reaches_all_that_is_closed_then():
    endpoints = module("network")["variables"]["endpoints"]["value"]
    assert {each["name"] for each in endpoints} == {"blob", "queue", "sqlServer", "vault"}
    assert "privateNetwork ? network.outputs.appSubnetId : ''" in (INFRA / "main.bicep").read_text(encoding="utf-8")


def test_the_parameters_file_sets_what_main_declares_and_no_secret():
    text = (INFRA / "main.bicepparam").read_text(encoding="utf-8")
    given, declared = set(re.findall(r"^param (\w+) =", text, re.MULTILINE)), module("main")["parameters"]
    assert given <= set(declared)
    assert {name for name, each in declared.items() if each["default"] is None} <= given
    assert not re.search("password|secret", text, re.IGNORECASE)


def test_the_outputs_are_what_the_hooks_read():
    outputs = set(module("main")["outputs"])
    read = set()
    for path in (INFRA / "hooks").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        read |= set(re.findall(r'(?:here|self)\["([A-Z_]+)"\]', text))
    assert read
    assert read <= outputs


def test_there_are_no_slots_and_instances_are_replaced_in_batches():
    assert module("main")["parameters"]["updateStrategy"]["default"] == "RollingUpdate"
    (app,) = resources(module("app-flex"), "Microsoft.Web/sites").values()
    assert app["properties"]["functionAppConfig"]["siteUpdateStrategy"] == {"type": "updateStrategy"}
    assert "sites/slots" not in "".join(path.read_text(encoding="utf-8") for path in FILES)
