import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from devstack.setup.console import SetupProblem
from devstack.setup.ports import free_ports
from devstack.setup.readiness import Question


@pytest.fixture
def server():
    """Answers each path with the status that it names."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(int(self.path.strip("/")))
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running.server_port
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False), (404, False), (400, False)])
def test_only_200_is_ready(server, status, ready):
    assert Question("x", server, f"/{status}").answered() is ready


def test_a_refusal_is_an_answer_of_the_storage(server):
    assert Question("x", server, "/400", any_answer=True).answered()


def test_an_app_that_failed_to_load_is_not_waited_for(server):
    with pytest.raises(SetupProblem, match="health failed"):
        Question("health", server, "/500").answered()


def test_nobody_there_is_not_ready(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    port = free_ports(1)[0]
    assert not Question("x", port, "/200").answered()
    assert not Question("x", port, "/200", any_answer=True).answered()
