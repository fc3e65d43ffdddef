"""Nothing within reach of the service can be called by a webhook, and the refusal is shown to whoever looks."""

import os
import socket
import ssl
import time

import pytest

from shared_code.errors import InvalidRequest
from shared_code.webhooks.sender import NotReached, Sender, _exchange
from tests.integration.webhooks.receiver import Receiver, make_certificate

HOST = "hooks.example"
PUBLIC = "93.184.216.34"

#: address, what its name stands for, and a part of the refusal
TRIES = [
    # names that stand for what is not public
    (f"https://{HOST}/", ["10.0.0.5"], "leads to 10.0.0.5 (private)"),
    (f"https://{HOST}/", ["172.16.9.1"], "(private)"),
    (f"https://{HOST}/", ["192.168.1.1"], "(private)"),
    (f"https://{HOST}/", ["100.64.0.1"], "(private)"),
    (f"https://{HOST}/", ["127.0.0.1"], "(loopback)"),
    (f"https://{HOST}/", ["0.0.0.0"], "(unspecified)"),
    (f"https://{HOST}/", ["169.254.169.254"], "(link-local)"),
    (f"https://{HOST}/", ["168.63.129.16"], "(platform)"),
    (f"https://{HOST}/", ["224.0.0.1"], "(multicast)"),
    (f"https://{HOST}/", ["255.255.255.255"], "(reserved)"),
    ("https://localhost/", None, "(loopback)"),
    # several addresses, of which one is not public
    (f"https://{HOST}/", [PUBLIC, "10.0.0.5"], "leads to 10.0.0.5"),
    (f"https://{HOST}/", ["2606:2800:220:1::1", "fd00::1"], "leads to fd00::1 (private)"),
    # forms of IPv6, and IPv4 within them
    (f"https://{HOST}/", ["::1"], "(loopback)"),
    (f"https://{HOST}/", ["fe80::1%eth0"], "(link-local)"),
    (f"https://{HOST}/", ["ff02::1"], "(multicast)"),
    (f"https://{HOST}/", ["::ffff:127.0.0.1"], "127.0.0.1 in another form"),
    (f"https://{HOST}/", ["64:ff9b::7f00:1"], "(loopback)"),
    (f"https://{HOST}/", ["2002:7f00:1::"], "(tunnel"),
    ("https://[::1]/", None, "(loopback)"),
    ("https://[::ffff:10.0.0.5]/", None, "10.0.0.5 in another form"),
    ("https://[::ffff:a9fe:a9fe]/", None, "169.254.169.254 in another form"),
    # hosts that are numbers: decimal, octal, hexadecimal, short
    ("https://2130706433/", None, "is a number"),
    ("https://0177.0.0.1/", None, "is a number"),
    ("https://0x7f.0.0.1/", None, "is a number"),
    ("https://0x7f000001/", None, "is a number"),
    ("https://127.1/", None, "is a number"),
    ("https://127.0.0.1./", None, "is a number"),
    # a user name, and what else two readers could take for different hosts
    (f"https://user:password@{HOST}/", [PUBLIC], "without user name"),
    (f"https://{HOST}@127.0.0.1/", [PUBLIC], "without user name"),
    (f"https://{HOST}#@127.0.0.1/", [PUBLIC], "fragment"),
    (f"https://{HOST}\\@127.0.0.1/", [PUBLIC], "ASCII"),
    (f"https://{HOST}%2f@127.0.0.1/", [PUBLIC], "ASCII"),
    ("https://\uff11\uff12\uff17.0.0.1/", None, "ASCII"),
    ("https://127\u30020\u30020\u30021/", None, "ASCII"),
    # other schemes
    (f"http://{HOST}/", [PUBLIC], "only https://"),
    ("file:///etc/passwd", None, "is not an address"),
    (f"gopher://{HOST}/", [PUBLIC], "only https://"),
]


@pytest.fixture
def database_url(tmp_path, _sqlite_template):
    """The guard is about addresses, which no database changes: one is enough."""
    path = tmp_path / "guard.db"
    path.write_bytes(_sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def calls(monkeypatch) -> list[tuple]:
    """Every connection that is begun; none of them comes about."""
    begun: list[tuple] = []

    def connect(_socket, target):
        begun.append(target[:2])
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket.socket, "connect", connect)
    return begun


@pytest.mark.parametrize(("url", "addresses", "refusal"), TRIES)
def test_an_address_that_is_not_public_is_not_called(calls, names, url, addresses, refusal):
    if addresses is not None:
        names[HOST] = addresses
    with pytest.raises(NotReached) as refused:
        Sender().post(url, {}, b"{}")
    assert refusal in refused.value.message
    assert calls == []
    with pytest.raises(InvalidRequest):
        Sender().check(url)


def test_the_refusal_is_shown_in_the_log_of_deliveries_and_by_a_test(make_webhooks, calls, names):
    webhooks = make_webhooks(webhook_allow_loopback=False)
    names[HOST] = [[PUBLIC], ["10.0.0.5"]]
    webhooks.set(f"https://{HOST}/")
    webhooks.fail_readings(1)
    assert webhooks.send().taken == 0
    refusal = f"The webhook's address leads to 10.0.0.5 (private); '{HOST}' must have public addresses only."
    (row,) = webhooks.rows()
    assert (row.state, row.attempts, row.last_status, row.last_error) == ("pending", 1, None, refusal)
    result = webhooks.administration.test("NT047")
    assert (result.delivered, result.status, result.error) == (False, None, refusal)
    assert calls == []


def test_an_address_that_is_not_public_cannot_be_set(make_webhooks, names):
    webhooks = make_webhooks(webhook_allow_loopback=False)
    names[HOST] = ["10.0.0.5"]
    with pytest.raises(InvalidRequest, match="private"):
        webhooks.set(f"https://{HOST}/")
    # A name that is not known yet may be known when something is to be sent.
    names[HOST] = []
    webhooks.set(f"https://{HOST}/")


def test_a_name_that_stands_for_something_else_a_moment_later_is_called_at_the_checked_address(calls, names):
    names[HOST] = [[PUBLIC], ["127.0.0.1"]]
    with pytest.raises(NotReached, match="connection failed"):
        Sender().post(f"https://{HOST}/", {}, b"{}")
    assert (calls, names["asked"]) == ([(PUBLIC, 443)], [HOST])


def test_each_address_is_tried_until_one_answers(calls, names):
    names[HOST] = [PUBLIC, "2606:2800:220:1::1"]
    with pytest.raises(NotReached):
        Sender().post(f"https://{HOST}:8443/", {}, b"{}")
    assert calls == [(PUBLIC, 8443), ("2606:2800:220:1::1", 8443)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver, status):
    with Receiver() as inner:
        receiver.status, receiver.headers = status, {"location": inner.url}
        assert Sender(allow_loopback=True).post(receiver.url, {}, b"{}") == status
        assert inner.requests == []


def test_variables_of_a_proxy_are_not_read(monkeypatch, receiver):
    with Receiver() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert Sender(allow_loopback=True).post(receiver.url, {}, b"{}") == 200
        assert proxy.requests == []


class TestTls:
    @pytest.fixture
    def secure(self, tmp_path):
        with Receiver(certificate=make_certificate(tmp_path / "hooks.pem", HOST)) as server:
            yield server

    @staticmethod
    def sender(server) -> Sender:
        return Sender(allow_loopback=True, make_tls=lambda: ssl.create_default_context(cafile=server.certificate))

    def test_the_checked_address_is_called_under_the_hosts_own_name(self, secure, names):
        names[HOST] = ["127.0.0.1"]
        assert self.sender(secure).post(f"https://{HOST}:{secure.port}/a?b=c", {"webhook-id": "msg_1"}, b"{}") == 200
        (request,) = secure.requests
        assert (request.server_name, request.headers["host"]) == (HOST, f"{HOST}:{secure.port}")
        assert (request.path, request.id, request.body) == ("/a?b=c", "msg_1", b"{}")

    def test_a_certificate_of_another_host_is_refused(self, secure, names):
        names["other.example"] = ["127.0.0.1"]
        with pytest.raises(NotReached, match="certificate was refused"):
            self.sender(secure).post(f"https://other.example:{secure.port}/", {}, b"{}")
        assert secure.requests == []

    def test_a_certificate_of_nobody_known_is_refused(self, secure, names):
        names[HOST] = ["127.0.0.1"]
        with pytest.raises(NotReached, match="certificate was refused"):
            Sender(allow_loopback=True).post(f"https://{HOST}:{secure.port}/", {}, b"{}")


def drip(connection) -> None:
    for character in b"HTTP/1.1 200 OK\r\nx-slow: " + b"y" * 200:
        connection.sendall(bytes([character]))
        time.sleep(0.1)


def silent(_connection) -> None:
    time.sleep(3)


@pytest.mark.parametrize("answer", [drip, silent])
def test_a_receiver_that_takes_its_time_has_no_more_than_it_is_given(receiver, answer):
    receiver.answer = answer
    started = time.monotonic()
    with pytest.raises(NotReached, match=r"no answer within 0\.5 seconds"):
        Sender(allow_loopback=True, seconds=0.5).post(receiver.url, {}, b"{}")
    assert time.monotonic() - started < 1.5


def test_a_look_up_that_does_not_end_has_no_more_time_either(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1) or [])
    started = time.monotonic()
    with pytest.raises(NotReached, match="was not found within"):
        Sender(seconds=0.3).post(f"https://{HOST}/", {}, b"{}")
    assert time.monotonic() - started < 1.5


def test_no_more_than_a_kilobyte_of_an_answer_is_read():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\nx-long: " + b"y" * 9_000)
        assert _exchange(ours, b"POST", time.monotonic() + 5) == 200
        ours.setblocking(False)  # noqa: FBT003 - the standard library's own name
        assert len(ours.recv(20_000)) == 25 + 9_000 - 1024


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.0 200\r\n\r\n", 200),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n", 202),
        (b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 500 Oops\r\n\r\n", 500),
        (b"HTTP/1.1 200 OK\r\n", 200),
        (b"", None),
        (b"SSH-2.0-OpenSSH_9.6\r\n", None),
        (b"HTTP/2 200\r\n\r\n", None),
        (b"HTTP/1.1 2000 OK\r\n\r\n", None),
        (b"HTTP/1.1 100 Continue\r\n\r\n", None),
    ],
)
def test_answers_of_http_are_told_from_others(receiver, said, status):
    def answer(connection):
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)

    receiver.answer = answer
    sender = Sender(allow_loopback=True, seconds=2)
    if status is None:
        with pytest.raises(NotReached):
            sender.post(receiver.url, {}, b"{}")
    else:
        assert sender.post(receiver.url, {}, b"{}") == status


def test_http_is_for_this_machine_only(calls, names):
    names[HOST] = [PUBLIC]
    with pytest.raises(NotReached, match="this machine only"):
        Sender(allow_loopback=True).post(f"http://{HOST}/", {}, b"{}")
    assert calls == []


def test_loopback_is_refused_at_start_where_the_platform_is(make_settings, monkeypatch):
    for name in [name for name in os.environ if name.startswith("WEBSITE_")]:
        monkeypatch.delenv(name)
    assert make_settings("sqlite://", webhook_allow_loopback=True).webhook_allow_loopback
    monkeypatch.setenv("WEBSITE_SITE_NAME", "invoices")
    assert not make_settings("sqlite://").webhook_allow_loopback
    with pytest.raises(ValueError, match=r"WEBHOOK_ALLOW_LOOPBACK .* WEBSITE_SITE_NAME"):
        make_settings("sqlite://", webhook_allow_loopback=True)
