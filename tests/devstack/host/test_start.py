"""Starting, refusing to start, keys, CORS, limits and stopping."""

import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from devstack.host.auth import KeyRing
from devstack.host.cors import cors_policy
from devstack.host.errors import HostStartError
from devstack.host.settings import HOST_ID_LENGTH, AppSettings, host_id, load_host_config
from devstack.host.storage import open_account
from tests.devstack.host.running import ROOT, Host, blob_function, http_function, timer_function, wait_for, write_app
from tests.devstack.host.sample_app import ASYNC, ECHO, SLOW

OK = "import azure.functions as func\n\ndef main(req: func.HttpRequest) -> func.HttpResponse:\n    return func.HttpResponse('ok')\n"
NOTHING = "def main(timer):\n    pass\n"


def start(root, *arguments, environment=None):
    """Run the host to its end."""
    command = [sys.executable, "-m", "devstack.host", "--root", str(root), *arguments]
    kept = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **(environment or {})}
    return subprocess.run(command, cwd=root.parent, env=kept, capture_output=True, text=True, timeout=30)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A host with keys, CORS, limits and settings laid over host.json."""
    functions = {
        "Open": http_function(OK, authLevel="anonymous"),
        "Keyed": http_function(OK, authLevel="function"),
        "Unsaid": http_function(OK, authLevel=None),
        "Master": http_function(OK, authLevel="admin"),
        "Closed": http_function(OK, authLevel="function"),
        "Boom": http_function("def main(req):\n    raise ValueError('told')\n"),
        "Slow": http_function(SLOW),
    }
    root = write_app(
        tmp_path_factory.mktemp("guarded") / "app",
        functions,
        host={"extensions": {"http": {"routePrefix": "api", "maxOutstandingRequests": 2}}},
        local={"CORS": "https://a.example, https://b.example/", "CORSCredentials": True},
        values={"AzureWebJobs.Closed.Disabled": "1"},
    )
    arguments = ("--enable-auth", "--key", "host-key", "--master-key", "master", "--debug-errors")
    with Host(root, arguments, {"AzureFunctionsJobHost__extensions__HTTP__routePrefix": ""}) as host:
        yield host


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/Open", {}, 200),
        ("/Open", {"x_functions_key": "wrong"}, 200),
        ("/Keyed", {}, 401),
        ("/Keyed", {"x_functions_key": "host-key"}, 200),
        ("/Keyed?code=host-key", {}, 200),
        ("/Keyed?code=master", {}, 200),
        ("/Keyed?code=host-key", {"x_functions_key": "wrong"}, 401),
        ("/Unsaid", {}, 401),
        ("/Master?code=host-key", {}, 401),
        ("/Master?code=master", {}, 200),
        ("/Closed", {}, 401),
        ("/Closed?code=host-key", {}, 404),
        ("/admin/host/ping", {}, 200),
        ("/admin/host/status", {}, 401),
        ("/admin/host/status?code=host-key", {}, 401),
        ("/admin/host/status?code=master", {}, 200),
    ],
)
def test_keys(guarded, path, headers, status):
    answer = guarded.get(path, **headers)
    assert answer.status == status
    assert status != 401 or answer.body == b""


def test_host_json_is_overridden_by_the_environment(guarded):
    assert guarded.get("/Open").status == 200
    assert guarded.get("/api/Open").status == 404


def test_the_body_of_a_request_that_waits_for_its_turn_stays_with_the_client(tmp_path):
    """``maxConcurrentRequests`` is a middleware in front of the function, and the body is read behind it."""
    root = write_app(
        tmp_path / "app",
        {"Slow": http_function(SLOW)},
        host={"extensions": {"http": {"maxConcurrentRequests": 1}}},
    )
    gates, size = [tmp_path / "one.gate", tmp_path / "two.gate"], 60_000_000
    with Host(root) as host, ThreadPoolExecutor(1) as pool:
        first = pool.submit(host.get, f"/api/Slow?gate={gates[0]}")
        wait_for(lambda: list(tmp_path.glob("*.begun")))
        with socket.create_connection(("127.0.0.1", host.port)) as link:
            head = f"POST /api/Slow?gate={gates[1]} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
            link.sendall(head.encode())
            link.settimeout(1.0)
            with pytest.raises(TimeoutError):
                link.sendall(b"x" * size)
        for gate in gates:
            gate.touch()
        assert first.result().status == 200


def test_debug_errors_show_the_reason(guarded):
    answer = guarded.get("/Boom")
    assert answer.status == 500
    assert b"ValueError('told')" in answer.body


def test_preflight_is_answered_before_route_and_key(guarded):
    asked = {
        "Origin": "https://B.example",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "x-one,x-two",
    }
    answer = guarded.request("OPTIONS", "/no/such/route", headers=asked)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://B.example"
    assert answer.headers["Access-Control-Allow-Methods"] == "PUT"
    assert answer.headers["Access-Control-Allow-Headers"] == "x-one,x-two"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Vary"] == "Origin"


def test_foreign_origin_gets_an_answer_without_cors_headers(guarded):
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    preflight = guarded.request("OPTIONS", "/Open", headers=asked)
    assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (204, None)
    plain = guarded.get("/Open", Origin="https://evil.example")
    assert (plain.status, plain.headers["Access-Control-Allow-Origin"]) == (200, None)


def test_known_origin_is_named_in_every_answer(guarded):
    for path in ("/Open", "/Keyed", "/nothing", "/Boom"):
        assert (
            guarded.get(path, Origin="https://a.example").headers["Access-Control-Allow-Origin"] == "https://a.example"
        )


def test_too_many_outstanding_requests_are_429(guarded, tmp_path):
    gates = [tmp_path / "one.gate", tmp_path / "two.gate"]
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(guarded.get, f"/Slow?gate={gate}") for gate in gates]
        wait_for(lambda: all(gate.with_suffix(".begun").exists() for gate in gates))
        assert guarded.get("/Open").status == 429
        for gate in gates:
            gate.touch()
        assert [call.result().status for call in calls] == [200, 200]
    assert guarded.get("/Open").status == 200


def test_any_origin_with_credentials_is_refused():
    with pytest.raises(HostStartError, match="CORS"):
        cors_policy("*", credentials=True)
    assert cors_policy("*", credentials=False).headers({"origin": "x"}) == (("Access-Control-Allow-Origin", "*"),)


def test_key_ring_without_a_master_key_opens_nothing_of_level_admin():
    assert not KeyRing(enabled=True, host_key="k").allows("admin", {"x-functions-key": "k"}, "")


def test_taken_port_is_named_with_the_option(tmp_path):
    root = write_app(tmp_path / "app", {"Open": http_function(OK)})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = start(root, "--port", str(port))
    assert done.returncode == 2
    assert f"Port {port} on 127.0.0.1 is unavailable" in done.stderr
    assert "--port" in done.stderr


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"function_app.py": ""}, "v2 programming model"),
        ({"host.json": "{"}, "Cannot read host.json"),
        ({"host.json": '{"version": "1.0"}'}, 'the host expects "version": "2.0"'),
        ({"local.settings.json": '{"IsEncrypted": true}'}, "is encrypted"),
        ({"local.settings.json": '{"Values": {"FUNCTIONS_WORKER_RUNTIME": "node"}}'}, "runs python only"),
    ],
)
def test_refusals(tmp_path, files, message):
    root = write_app(tmp_path / "app", {"Open": http_function(OK)})
    for name, content in files.items():
        (root / name).write_text(content)
    done = start(root, "--port", "0")
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_that_core_tools_would_take_as_encrypted_are_told(tmp_path):
    root = write_app(tmp_path / "app", {"Open": http_function("def main(req):\n    return ''\n")})
    (root / "local.settings.json").write_text('{"Values": {}}')
    with Host(root) as host:
        assert "no IsEncrypted: Core Tools would take its values as encrypted" in host.log


def test_folder_without_host_json(tmp_path):
    (tmp_path / "app").mkdir()
    done = start(tmp_path / "app")
    assert done.returncode == 2
    assert "Expecting to find host.json" in done.stderr


def test_other_triggers_need_storage(tmp_path):
    root = write_app(tmp_path / "app", {"Nightly": timer_function(NOTHING, schedule="0 0 3 * * *")})
    done = start(root, "--port", "0")
    assert done.returncode == 1
    assert "Missing value for AzureWebJobsStorage" in done.stderr


def test_no_functions_found_still_answers_and_enable_auth_needs_a_key(tmp_path):
    root = write_app(tmp_path / "app", {})
    with Host(root) as host:
        assert host.get("/admin/functions").json == []
        assert "No functions found" in host.log
    assert start(root, "--enable-auth").returncode == 2


def test_problems_of_triggers_are_reported_and_http_runs_while_storage_is_away(tmp_path):
    nobody = "UseDevelopmentStorage=true;"
    functions = {
        "Open": http_function(OK),
        "BadSource": blob_function("def main(blob):\n    pass\n", path="c/{n}", source="%SOURCE%"),
        "BadSchedule": timer_function(NOTHING, schedule="0 99 * * * *"),
        "BadConnection": blob_function("def main(blob):\n    pass\n", path="c/{n}", connection="Missing"),
        "BadRoute": http_function(OK, route="item/{id:int}"),
        "Queue": ({"bindings": [{"name": "m", "type": "serviceBusTrigger", "direction": "in"}]}, NOTHING),
        "Good": timer_function(NOTHING, schedule="%WHEN%"),
    }
    away = nobody.replace(
        "UseDevelopmentStorage=true",
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:9/a;QueueEndpoint=http://127.0.0.1:9/a",
    )
    root = write_app(
        tmp_path / "app", functions, values={"AzureWebJobsStorage": away, "WHEN": "0 0 3 * * *", "SOURCE": "EventGrid"}
    )
    with Host(root) as host:
        assert host.get("/api/Open").status == 200
        for name, text in {
            "BadSource": "%SETTING% does not resolve there",
            "BadSchedule": "'0 99 * * * *' was not recognized: [0 99 * * * *] is not acceptable, out of range",
            "BadConnection": "'Missing' does not exist",
            "BadRoute": "route 'api/item/{id:int}': This stand-in does not support route constraints",
            "Queue": "'serviceBusTrigger' is not supported",
        }.items():
            assert f"The '{name}' function is in error" in host.log
            assert text in host.log
        wait_for(lambda: "The listener for function 'Good' waits: storage cannot be reached" in host.log)
        assert host.run_now("Good").status == 202
        wait_for(lambda: "Executed 'Functions.Good' (Succeeded" in host.log)
        assert host.stop() == 0


def test_sigterm_lets_a_running_request_end(tmp_path):
    root = write_app(tmp_path / "app", {"Slow": http_function(SLOW), "Async": http_function(ASYNC)})
    gate, answers = tmp_path / "gate", []
    with Host(root) as host:
        call = threading.Thread(target=lambda: answers.append(host.get(f"/api/Slow?gate={gate}")))
        call.start()
        wait_for(gate.with_suffix(".begun").exists)
        host.process.terminate()
        wait_for(lambda: "Stopping host" in host.log)
        with pytest.raises(OSError):
            wait_for(lambda: host.get("/api/Async") and False)
        gate.touch()
        call.join()
        assert host.process.wait(10) == 0
    assert answers[0].body == b"done"


def test_every_method_reaches_a_function_that_names_none(tmp_path):
    root = write_app(tmp_path / "app", {"All": http_function(ECHO, route="all")})
    with Host(root) as host:
        for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"):
            assert host.request(method, "/api/all").json["method"] == method


def test_host_id_is_stable_short_and_of_the_folder(tmp_path):
    settings = AppSettings({})
    first = host_id(tmp_path / "a", settings)
    assert first == host_id(tmp_path / "a", settings) == first.lower()
    assert first != host_id(tmp_path / "b", settings)
    assert len(first) <= HOST_ID_LENGTH
    assert host_id(tmp_path, AppSettings({"AZUREFUNCTIONSWEBHOST__HOSTID": "Mine"})) == "mine"


def test_overrides_follow_the_spelling_of_host_json(tmp_path):
    write_app(
        tmp_path / "app", {}, host={"functionTimeout": "00:05:00", "extensions": {"blobs": {"poisonBlobThreshold": 5}}}
    )
    config = load_host_config(
        tmp_path / "app",
        {
            "AzureFunctionsJobHost__extensions__blobs__PoisonBlobThreshold": "2",
            "azurefunctionsjobhost__functionTimeout": "-1",
        },
    )
    assert config.integer("extensions.blobs.poisonBlobThreshold", 9) == 2
    assert config.text("functionTimeout", "") == "-1"


@pytest.mark.parametrize(
    "extra",
    [
        {
            "S__blobServiceUri": "https://a.blob.core.windows.net",
            "S__queueServiceUri": "https://a.queue.core.windows.net",
        },
        {
            "S__serviceUri": "https://a.blob.core.windows.net",
            "S__queueServiceUri": "https://a.queue.core.windows.net",
            "S__credential": "managedidentity",
            "S__clientId": "x",
        },
        {"AzureWebJobsS__accountName": "a"},
    ],
)
def test_identity_settings_make_clients(extra):
    account = open_account(AppSettings(extra), "S")
    assert account.blobs.account_name == "a"
    assert account.queues.url.startswith("https://a.queue.core.windows.net")


def test_slow_stop_is_bounded(tmp_path):
    """A function that never ends does not keep the host alive (10 s in the product's own time)."""
    code = "import time\nimport azure.functions as func\n\ndef main(req: func.HttpRequest) -> func.HttpResponse:\n    open(req.params['mark'], 'w').close()\n    time.sleep(600)\n"
    root = write_app(tmp_path / "app", {"Forever": http_function(code)})
    mark = tmp_path / "mark"
    with Host(root, ("--drain-seconds", "0.3")) as host:
        threading.Thread(target=lambda: _ignore(lambda: host.get(f"/api/Forever?mark={mark}")), daemon=True).start()
        wait_for(mark.exists)
        started = time.monotonic()
        assert host.stop() == 0
        assert time.monotonic() - started < 5
        assert "Not ended within 0.3 s: Forever" in host.log


def _ignore(call):
    try:
        call()
    except OSError:
        return
