"""What the real host does with a request, each trap of it, over a socket."""

import hashlib
import http.client
import json
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.devstack.host.running import wait_for

EMPTY = hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize("path", ["/api/echo", "/api/echo/", "/API/Echo", "/api/echo/7", "/api/echo/-7/"])
def test_route_matches(http_host, path):
    assert http_host.get(path).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/echo"),
        ("DELETE", "/api/echo/7"),
        ("OPTIONS", "/api/echo"),
        ("GET", "/api/echo/7/8"),
        ("GET", "/api//echo"),
        ("GET", "/echo"),
        ("GET", "/api/nothing"),
        ("GET", "/api/notafunction"),
        ("GET", "/api/Off"),
        ("GET", "/api/BadJson"),
        ("GET", "/api/BadBinding"),
        ("GET", "/api/BadSetting"),
        ("GET", "/api/admin/mine"),
    ],
)
def test_no_match_is_404_never_405(http_host, method, path):
    answer = http_host.request(method, path)
    assert (answer.status, answer.body) == (404, b"")


def test_a_function_that_the_worker_cannot_load_answers_500(http_host):
    assert http_host.get("/api/BadImport").status == 500
    assert http_host.get("/api/BadSignature").status == 500


def test_problems_are_reported_and_the_others_run(http_host):
    for name in ("BadBinding", "BadJson", "BadRoute", "BadSetting"):
        assert f"The '{name}' function is in error" in http_host.log
    assert "'%NOT_SET%' does not resolve to a value" in http_host.log
    assert "No module named 'a_module_that_is_missing'" in http_host.log
    assert "declared in Python but not in function.json" in http_host.log
    assert "Echo" in http_host.ready["functions"]
    assert {"BadImport", "BadJson", "BadSignature"} <= set(http_host.ready["failed"])


def test_other_script_and_entry_point_bom_and_spelling(http_host):
    assert http_host.get("/api/NoInit").status == 200


def test_first_function_by_name_wins_and_overlap_is_reported(http_host):
    assert http_host.get("/api/over/fixed").json["route"] == {"anything": "fixed"}
    assert "The routes of 'Over1' (api/over/{anything}) and 'Over2' (api/over/fixed) overlap" in http_host.log


def test_route_values_are_strings_and_absent_ones_are_left_out(http_host):
    assert http_host.get("/api/echo/7").json["route"] == {"number": "7"}
    assert http_host.get("/api/echo").json["route"] == {}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/api/rest/a/b", {"path": "a/b"}),
        ("/api/rest/a/", {"path": "a/"}),
        ("/api/rest", {}),
        ("/api/rest/", {}),
        ("/api/rest/a%20b%2Fc", {"path": "a b%2Fc"}),
        ("/api/rest/x/../y", {"path": "y"}),
        ("/api/rest/%E2%82%B9", {"path": "₹"}),
    ],
)
def test_catch_all_and_setting_in_route(http_host, path, value):
    assert http_host.get(path).json["route"] == value


def test_query_values_joined_and_empty_ones_dropped(http_host):
    query = http_host.get("/api/echo?a=1&A=2&b=&c=x+y%26&d&b=").json["query"]
    assert query == {"a": "1,2", "c": "x y&"}


def test_headers_lower_case_joined_and_utf8(http_host):
    with socket.create_connection(("127.0.0.1", http_host.port)) as link:
        head = "GET /api/echo?x=1 HTTP/1.1\r\nHost: h:1\r\nX-Two: a\r\nx-two: b\r\nX-Name: caf\u00e9\r\nConnection: close\r\n\r\n"
        link.sendall(head.encode())
        seen = json.loads(_read_all(link).split(b"\r\n\r\n", 1)[1])
    assert seen["headers"]["x-two"] == "a,b"
    assert seen["headers"]["x-name"] == "caf\u00e9"
    assert seen["url"] == "http://h:1/api/echo?x=1"


def test_body_is_bytes_as_sent(http_host):
    body = bytes(range(256)) * 40
    seen = http_host.request("POST", "/api/echo", body, {"Content-Type": "application/json"}).json
    assert (seen["length"], seen["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_chunked_upload_arrives_empty_and_the_connection_lives_on(http_host):
    connection = http.client.HTTPConnection("127.0.0.1", http_host.port, timeout=10)
    connection.request("POST", "/api/echo", iter([b"abc", b"d" * 100_000]), encode_chunked=True)
    first = json.loads(connection.getresponse().read())
    connection.request("POST", "/api/echo", b"after")
    second = json.loads(connection.getresponse().read())
    connection.close()
    assert (first["length"], first["sha256"], first["headers"]["transfer-encoding"]) == (0, EMPTY, "chunked")
    assert second["length"] == 5


def test_multipart_is_parsed_by_the_worker(http_host):
    body = (
        b'--cut\r\nContent-Disposition: form-data; name="companyID"\r\n\r\nNT047\r\n'
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
        + bytes(range(256))
        + b"\r\n--cut--\r\n"
    )
    answer = http_host.request("POST", "/api/Form", body, {"Content-Type": "multipart/form-data; boundary=cut"})
    assert answer.json == {"files": {"file": ["a.pdf", "application/pdf", 256]}, "form": {"companyID": "NT047"}}
    without = http_host.request("POST", "/api/Form", body, {"Content-Type": "multipart/form-data"})
    assert without.json == {"files": {}, "form": {}}


def test_body_over_the_limit_is_413_whether_or_not_the_client_asks_first(http_host):
    assert http_host.request("POST", "/api/echo", b"x" * 3_000_000).status == 200
    answer = http_host.request("POST", "/api/echo", b"x" * 3_000_001)
    assert (answer.status, answer.body) == (413, b"")
    with socket.create_connection(("127.0.0.1", http_host.port)) as link:
        link.sendall(b"POST /api/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3000001\r\nExpect: 100-continue\r\n\r\n")
        assert link.recv(100).startswith(b"HTTP/1.1 413")
    small = http_host.request("POST", "/api/echo", b"x" * 2_000_000, {"Expect": "100-continue"})
    assert small.json["length"] == 2_000_000


def test_a_client_that_waits_for_leave_to_send_gets_it(http_host):
    with socket.create_connection(("127.0.0.1", http_host.port), timeout=10) as link:
        link.sendall(b"POST /api/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert link.recv(100).startswith(b"HTTP/1.1 100 Continue")
        link.sendall(b"12345")
        assert b'"length": 5' in link.recv(65536)


@pytest.mark.parametrize("chunks", [b"zz\r\n", b"5\r\nab", b"ffffffffff\r\nabc"])
def test_a_broken_chunked_upload_is_answered_and_ends_its_connection(http_host, chunks):
    with socket.create_connection(("127.0.0.1", http_host.port), timeout=10) as link:
        link.sendall(b"POST /api/echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        link.shutdown(socket.SHUT_WR)
        assert _read_all(link).startswith(b"HTTP/1.1 200")
    assert http_host.get("/api/echo").status == 200


def test_unread_body_of_an_unknown_route_does_not_hide_the_404(http_host):
    assert http_host.request("POST", "/api/nothing", b"x" * 2_900_000).status == 404


@pytest.mark.parametrize("kind", ["boom", "dict", "badheader", "badcookie"])
def test_failure_is_500_with_empty_body_and_the_reason_in_the_log(http_host, kind):
    answer = http_host.get(f"/api/answer/{kind}")
    assert (answer.status, answer.body) == (500, b"")
    if kind == "boom":
        assert re.search(
            r"Executed 'Functions.Answer' \(Failed, Id=[0-9a-f-]{36}, Duration=\d+ms\)\nRuntimeError\('the secret reason'\)",
            http_host.log,
        )
        assert "Native sync invocation failed" not in http_host.log


def test_answer_headers_cookies_and_status(http_host):
    answer = http_host.get("/api/answer/headers")
    assert (answer.status, answer.body, answer.headers["X-One"]) == (201, b"x", "1")
    assert answer.headers.get_all("Content-Length") == ["1"]
    assert answer.headers.get_all("Set-Cookie") == [
        "a=1; path=/; samesite=lax; httponly",
        "b=x%2Fy%3D%3D; max-age=60; secure",
    ]


def test_missing_content_type_is_plain_text(http_host):
    assert http_host.get("/api/answer/hello").headers["Content-Type"] == "text/plain; charset=utf-8"


def test_no_content(http_host):
    answer = http_host.get("/api/answer/nocontent")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (204, b"", None)


@pytest.mark.parametrize(
    ("sent", "status", "kind", "body"),
    [
        ("plain", 200, "text/plain; charset=utf-8", b"plain"),
        ('{"a": 1}', 200, "application/json; charset=utf-8", b'{"a": 1}'),
        ('{"body": "inner", "status": 418}', 418, "text/plain; charset=utf-8", b"inner"),
        ('{"Body": {"a": 1}, "headers": {"Content-Type": "x/y"}}', 200, "x/y", b'{"a": 1}'),
    ],
)
def test_text_function_is_parsed_again(http_host, sent, status, kind, body):
    answer = http_host.request("POST", "/api/Text", sent)
    assert (answer.status, answer.headers["Content-Type"], answer.body) == (status, kind, body)


def test_head_has_the_length_and_no_body(http_host):
    answer = http_host.request("HEAD", "/api/echo")
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) > 0
    assert answer.body == b""


@pytest.mark.parametrize(
    "head",
    [
        b"POST /api/echo HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1e3\r\n\r\n",
        b"GET /api/echo HTTP/1.1\r\nHost: h\r\nX-A: a\r\n folded\r\n\r\n",
        b"GET /api/echo HTTP/1.1\r\nHost: h\r\nX-A: \xff\xfe\r\n\r\n",
    ],
)
def test_malformed_head_is_400(http_host, head):
    with socket.create_connection(("127.0.0.1", http_host.port)) as link:
        link.sendall(head)
        assert _read_all(link).startswith(b"HTTP/1.1 400")


def test_async_function_and_context(http_host):
    assert http_host.get("/api/Async").body.startswith(b"Async 36 ")


def test_every_invocation_has_a_trace_and_a_request_s_own_is_continued(http_host):
    def trace(**headers):
        return re.fullmatch(
            r"Async 36 00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})",
            http_host.get("/api/Async", **headers).body.decode(),
        ).groups()

    sent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "01"
    continued = trace(traceparent="00-" + "-".join(sent))
    assert (continued[0], continued[2]) == (sent[0], sent[2])
    assert continued[1] != sent[1]
    made = {trace()[0], trace(traceparent="nonsense")[0], trace(traceparent=f"00-{'0' * 32}-{sent[1]}-01")[0]}
    assert len(made) == 3
    assert not made & {sent[0], "0" * 32}


def test_imports_from_the_root_and_relative_ones_are_two_copies(http_host):
    place, relative, folder, module = http_host.get("/api/Imports").json
    assert (place, relative, module) == ("shared.place", "__app__.shared.place", "__app__.Imports")
    assert folder == str(http_host.root)


def test_local_settings_rules(http_host):
    assert http_host.get("/api/Settings").json == {
        "FROM_FILE": "file",
        "WINS": "shell",
        "EMPTY": "",
        "NOTHING": None,
        "YES": "true",
    }
    assert "Skipping 'WINS' from local settings" in http_host.log


def test_every_line_of_a_function_carries_its_invocation(http_host):
    number = http_host.get("/api/Logs").body.decode()
    assert f"[{number[:8]}] a line of the function" in http_host.log
    assert f"[{number[:8]}] WARNING a warning of a library" in http_host.log
    assert (
        f"Executing 'Functions.Logs' (Reason='This function was programmatically called via the host APIs.', Id={number})"
        in http_host.log
    )
    wait_for(lambda: re.search(rf"Executed 'Functions.Logs' \(Succeeded, Id={number}, Duration=\d+ms\)", http_host.log))


def test_thread_count_setting_limits_what_runs_at_once(http_host, tmp_path):
    gates = [tmp_path / f"{number}.gate" for number in range(10)]
    with ThreadPoolExecutor(10) as pool:
        answers = [pool.submit(http_host.get, f"/api/Slow?gate={gate}") for gate in gates]
        wait_for(lambda: len(list(tmp_path.glob("*.begun"))) == 8)
        time.sleep(0.1)
        begun = len(list(tmp_path.glob("*.begun")))
        for gate in gates:
            gate.touch()
        assert [answer.result().body for answer in answers] == [b"done"] * 10
    assert begun == 8


def test_admin_endpoints(http_host):
    assert http_host.get("/admin/host/ping").status == 200
    assert http_host.get("/admin/host/status").json["state"] == "Running"
    shown = {one["name"]: one for one in http_host.get("/admin/functions").json}
    assert shown["Echo"]["invoke_url_template"] == f"http://localhost:{http_host.port}/api/echo/{{number?}}"
    assert shown["Off"]["isDisabled"] is True
    assert "a_module_that_is_missing" in http_host.get("/admin/functions/BadImport/status").json["errors"][0]
    assert http_host.request("POST", "/admin/functions/Nothing", "{}").status == 404
    assert http_host.request("POST", "/admin/functions/Echo").status == 400
    assert http_host.request("POST", "/admin/functions/Echo", "null").status == 400
    assert http_host.request("POST", "/admin/functions/BadImport", "{}").status == 500
    assert http_host.get("/admin/nothing").status == 404
    assert b"up and running" in http_host.get("/").body


def test_auth_level_means_nothing_without_enable_auth_and_cors_is_silent(http_host):
    answer = http_host.request("GET", "/api/echo", headers={"x-functions-key": "wrong", "Origin": "https://a.example"})
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] is None


def test_many_clients_at_once(http_host):
    barrier = threading.Barrier(40)

    def call(number: int) -> str:
        barrier.wait()
        return http_host.get(f"/api/echo/{number}").json["route"]["number"]

    with ThreadPoolExecutor(40) as pool:
        assert sorted(pool.map(call, range(40)), key=int) == [str(number) for number in range(40)]


def _read_all(link: socket.socket) -> bytes:
    link.settimeout(10)
    received = b""
    while piece := link.recv(65536):
        received += piece
    return received
