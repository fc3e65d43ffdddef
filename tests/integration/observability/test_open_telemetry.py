"""Where the platform's OpenTelemetry is on, spans and numbers go by the standard API, once."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.observability.otlp_receiver import OtlpReceiver, attributes

ROOT = Path(__file__).resolve().parents[3]
APP = Path(__file__).with_name("otlp_app.py")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SECRET = b"AIza" + b"SyPlantedKey0123456789abcdefghijklm"


@pytest.fixture
def receiver():
    collector = OtlpReceiver()
    yield collector
    collector.stop()


def run_app(receiver, *arguments, **variables):
    """Run a process that records one request; its operation id, as it printed it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "APPLICATIONI"))}
    environment |= {"PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1", "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.address}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(APP), *arguments],
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


BY_APP = ("app", {"PYTHON_ENABLE_OPENTELEMETRY": "true"})
BY_PLATFORM = ("platform", {"PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "true"})
BY_BOTH = ("platform", {"PYTHON_ENABLE_OPENTELEMETRY": "true"})


@pytest.mark.parametrize(("who", "variables"), [BY_APP, BY_PLATFORM, BY_BOTH])
def test_spans_and_numbers_arrive_once(receiver, ingestion, who, variables):
    """Our own sender has a connection string too, and must stay silent."""
    run_app(receiver, who, TRACE, APPLICATIONINSIGHTS_CONNECTION_STRING=ingestion.connection_string, **variables)
    assert sorted(span.name for span in receiver.spans) == ["SELECT", "a-model", "extract"]
    (key,) = [key for key in receiver.numbers if key[0] == "model_tokens"]
    assert dict(key[1]) == {"model": "a-model", "outcome": "ok"}
    point = receiver.numbers[key]
    assert (point.count, point.sum, point.min, point.max) == (3, 60.0, 10.0, 30.0)
    assert not ingestion.envelopes


def test_a_span_says_what_our_own_sender_says(receiver):
    operation, _ = run_app(receiver, "app", TRACE, PYTHON_ENABLE_OPENTELEMETRY="true")
    (request,), (call,), (statement,) = (receiver.named(name) for name in ("extract", "a-model", "SELECT"))
    assert operation == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert {span.trace_id.hex() for span in receiver.spans} == {operation}
    assert request.parent_span_id.hex() == "00f067aa0ba902b7", "the platform's own span"
    assert call.parent_span_id == statement.parent_span_id == request.span_id
    assert request.kind == 2, "server"
    assert call.kind == statement.kind == 3, "client"
    facts = attributes(request.attributes)
    assert facts["http.response.status_code"] == 429
    assert (facts["url.path"], facts["company"], facts["request_id"]) == ("/api/extract", "NT047", "r-1")
    assert request.status.code == 2, "an error"
    assert call.status.code == 0
    assert attributes(call.attributes)["peer.service"] == "GEMINI"
    assert attributes(statement.attributes)["db.system.name"] == "sqlite"
    now = time.time_ns()
    assert all(now - 60e9 < span.start_time_unix_nano <= span.end_time_unix_nano < now for span in receiver.spans)
    assert receiver.services == {"invoice-extraction"}


def test_without_a_trace_of_the_platform_rows_of_the_log_are_found_by_the_spans_own(receiver):
    operation, _ = run_app(receiver, "app", PYTHON_ENABLE_OPENTELEMETRY="true")
    assert len(operation) == 32
    assert {span.trace_id.hex() for span in receiver.spans} == {operation}
    assert receiver.named("extract")[0].parent_span_id == b""


def test_no_key_leaves_the_process(receiver):
    run_app(receiver, "app", TRACE, PYTHON_ENABLE_OPENTELEMETRY="true")
    assert not any(SECRET in body for body in receiver.bodies)
    assert attributes(receiver.named("a-model")[0].attributes)["data"] != ""


def test_our_own_sender_stays_the_default(receiver, ingestion):
    """An endpoint alone turns nothing on: the host may have it for itself."""
    run_app(receiver, "app", TRACE, APPLICATIONINSIGHTS_CONNECTION_STRING=ingestion.connection_string)
    assert not receiver.spans
    assert not receiver.numbers
    assert len(ingestion.of("RequestData")) == 1
    assert len(ingestion.of("RemoteDependencyData")) == 2


def test_a_process_in_which_nothing_exports_says_so(receiver):
    _, told = run_app(receiver, "app", TRACE, PYTHON_ENABLE_OPENTELEMETRY="true", OTEL_EXPORTER_OTLP_ENDPOINT="")
    assert "nothing exports in this process" in told
    assert not receiver.spans


def test_a_package_that_is_missing_turns_telemetry_off_and_says_so(receiver, tmp_path):
    """As if requirements-otel.txt were not installed."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.startswith('opentelemetry.exporter'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
    )
    _, told = run_app(receiver, "app", PYTHON_ENABLE_OPENTELEMETRY="true", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert "Telemetry is off: OTEL_EXPORTER_OTLP_ENDPOINT is set" in told
    assert not receiver.spans
