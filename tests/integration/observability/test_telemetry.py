import logging
import re
import subprocess
import sys
import threading
import time
import uuid
import weakref
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from shared_code import errors
from shared_code.database.application_log import ApplicationLogger
from shared_code.database.connection import create_database
from shared_code.database.tables import application_logs
from shared_code.errors import ConfigurationError
from shared_code.observability.application_insights import parse_connection_string
from shared_code.observability.background_writer import WriterLimits
from shared_code.observability.database_spans import statement_name, trace_database
from shared_code.observability.request_context import request_scope
from shared_code.observability.telemetry import configure_telemetry, shutdown_telemetry, telemetry
from shared_code.observability.telemetry_logs import log_item
from shared_code.settings import Settings

SECRET = "AIza" + "SyPlantedKey0123456789abcdefghijklm"
QUICK = WriterLimits(items=200, interval_seconds=0.02, first_pause_seconds=0.01, longest_pause_seconds=0.05, batch=100)
log = logging.getLogger("shared_code.sample")


def turn_on(connection_string, *, limits=QUICK, timeout_seconds=5.0):
    log.setLevel(logging.INFO)
    settings = Settings(applicationinsights_connection_string=connection_string)
    return configure_telemetry(settings, limits=limits, timeout_seconds=timeout_seconds)


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def one_request(call, trace_parent=None):
    with (
        request_scope(request_id="r-1", call_id=call, trace_parent=trace_parent),
        telemetry().request("POST extract", url="/api/extract") as span,
    ):
        log.info("Reading %s", "invoice.pdf")
        with telemetry().dependency("generate", kind="provider", target="gemini") as call_span:
            call_span.finish(200)
        try:
            raise ValueError("odd")
        except ValueError:
            log.exception("Reading failed")
        span.set(company="NT047")
        span.finish(200)


def test_it_is_off_without_a_connection_string():
    made = configure_telemetry(Settings(applicationinsights_connection_string=None))
    assert made is telemetry()
    assert not made.enabled
    with made.request("x") as span, made.dependency("y", kind="storage"):
        span.set(a=1)
    made.metric("tokens", 1)
    made.event("e")
    assert made.flush()
    made.close()


def test_our_sender_is_off_where_the_platform_exports_to_the_same_resource(ingestion):
    """Both read one setting; everything would be sent twice."""
    made = configure_telemetry(
        Settings(
            applicationinsights_connection_string=ingestion.connection_string,
            python_applicationinsights_enable_telemetry="true",
        )
    )
    one_request(str(uuid.uuid4()))
    assert made.flush(2)
    assert made.handler is None
    assert not ingestion.envelopes


def test_one_requests_logs_spans_and_exception_share_its_operation(ingestion):
    made = turn_on(ingestion.connection_string)
    call = str(uuid.uuid4())
    one_request(call)
    assert made.flush(10)
    assert len(ingestion.envelopes) == 4
    assert {item["tags"]["ai.operation.id"] for item in ingestion.envelopes} == {uuid.UUID(call).hex}
    assert {item["data"]["baseData"]["properties"]["call_id"] for item in ingestion.envelopes} == {call}
    (request,), (dependency,) = ingestion.of("RequestData"), ingestion.of("RemoteDependencyData")
    (line,), (exception,) = ingestion.of("MessageData"), ingestion.of("ExceptionData")
    span_id = request["data"]["baseData"]["id"]
    assert [item["tags"]["ai.operation.parentId"] for item in (dependency, line, exception)] == [span_id] * 3
    assert request["data"]["baseData"]["responseCode"] == "200"
    assert request["data"]["baseData"]["success"] is True
    assert request["data"]["baseData"]["properties"]["company"] == "NT047"
    assert request["data"]["baseData"]["duration"].startswith("0.00:00:0")
    assert dependency["data"]["baseData"]["type"] == "provider"
    assert line["data"]["baseData"]["message"] == "Reading invoice.pdf"
    details = exception["data"]["baseData"]["exceptions"][0]
    assert details["typeName"] == "ValueError"
    assert details["parsedStack"][0]["method"] == "one_request"
    assert request["iKey"] == "0f8fad5b-d9cb-469f-a165-70867728950e"
    assert request["time"].endswith("Z")
    assert ingestion.paths[0] == "/v2.1/track"


@pytest.mark.parametrize("trace_parent", [None, TRACE])
def test_rows_in_application_logs_carry_the_same_operation(ingestion, tmp_path, make_settings, trace_parent):
    from shared_code.database.schema import ensure_schema

    database = create_database(make_settings(f"sqlite:///{tmp_path / 'x.db'}"))
    ensure_schema(database, auto_migrate=True)
    ApplicationLogger.configure(database=database)
    made = turn_on(ingestion.connection_string)
    call = str(uuid.uuid4())
    one_request(call, trace_parent)
    assert made.flush(10)
    assert ApplicationLogger.flush(10)
    columns = application_logs.c
    with database.reading() as connection:
        rows = connection.execute(select(columns.OperationID, columns.CallID, columns.RequestID)).all()
    ApplicationLogger.shutdown()
    database.close()
    operation = trace_parent.split("-")[1] if trace_parent else uuid.UUID(call).hex
    assert set(rows) == {(operation, call, "r-1")}
    assert len(ingestion.envelopes) == 4
    assert {item["tags"]["ai.operation.id"] for item in ingestion.envelopes} == {operation}
    (request,) = ingestion.of("RequestData")
    assert request["tags"].get("ai.operation.parentId") == (trace_parent.split("-")[2] if trace_parent else None)


def test_errors_that_leave_a_span_are_noted_and_pass_on(ingestion):
    made = turn_on(ingestion.connection_string)
    with pytest.raises(errors.QuotaExceeded), made.request("POST extract"):
        raise errors.QuotaExceeded
    with pytest.raises(ZeroDivisionError), made.dependency("blob", kind="storage"):
        raise ZeroDivisionError
    assert made.flush(10)
    request = ingestion.of("RequestData")[0]["data"]["baseData"]
    assert (request["responseCode"], request["success"]) == ("429", False)
    assert request["properties"]["error"] == "QUOTA_EXCEEDED"
    dependency = ingestion.of("RemoteDependencyData")[0]["data"]["baseData"]
    assert (dependency["resultCode"], dependency["success"]) == ("ZeroDivisionError", False)


def test_values_of_a_metric_are_sent_as_one_aggregate_per_split(ingestion):
    made = turn_on(ingestion.connection_string, limits=WriterLimits(interval_seconds=5, batch=100))
    for value in (10, 30, 20):
        made.metric("tokens", value, model="a")
    made.metric("tokens", 5, model="b")
    made.metric("cost_usd", 0.25)
    assert made.flush(10)
    points = {
        (item["data"]["baseData"]["metrics"][0]["name"], item["data"]["baseData"]["properties"].get("model")): item[
            "data"
        ]["baseData"]["metrics"][0]
        for item in ingestion.of("MetricData")
    }
    assert set(points) == {("tokens", "a"), ("tokens", "b"), ("cost_usd", None)}
    assert {name: points["tokens", "a"][name] for name in ("value", "count", "min", "max")} == {
        "value": 60.0,
        "count": 3,
        "min": 10.0,
        "max": 30.0,
    }


def test_events_carry_numbers(ingestion):
    made = turn_on(ingestion.connection_string)
    made.event("key_low", measurements={"remaining": 12.0}, token_id=7)
    assert made.flush(10)
    data = ingestion.of("EventData")[0]["data"]["baseData"]
    assert (data["name"], data["measurements"], data["properties"]) == (
        "key_low",
        {"remaining": 12.0},
        {"token_id": "7"},
    )


def test_no_key_leaves_the_process(ingestion):
    made = turn_on(ingestion.connection_string)
    with made.request("POST", url=f"/api/extract?code={SECRET}") as span:
        span.set(authorization=f"Bearer {SECRET}", nested={"key": SECRET})
        with made.dependency("call", kind="provider", target="h", data=f"?key={SECRET}"):
            pass
        log.warning("key %s", SECRET, extra={"custom_dimensions": {"k": SECRET}})
        try:
            try:
                raise ValueError(SECRET)
            except ValueError as inner:
                raise RuntimeError(f"outer {SECRET}") from inner
        except RuntimeError:
            log.exception("failed")
    made.event("e", note=SECRET)
    made.metric("m", 1, note=SECRET)
    assert made.flush(10)
    assert len(ingestion.envelopes) == 6
    assert not any(SECRET in body for body in ingestion.bodies)
    assert any("ValueError: ***" in body for body in ingestion.bodies)


def calls_with_telemetry(count=300):
    """Seconds of each of ``count`` requests, shortest first."""
    taken = []
    for _ in range(count):
        started = time.perf_counter()
        with request_scope(request_id="r"), telemetry().request("POST extract") as span:
            log.info("a line")
            telemetry().metric("tokens", 1)
            span.finish(200)
        taken.append(time.perf_counter() - started)
    return sorted(taken)


def endpoint_of(connection_string):
    """The address as the warning names it."""
    return re.search(r"IngestionEndpoint=([^;]+?)/?(;|$)", connection_string)[1]


@pytest.mark.parametrize("fault", ["down", "slow", 400, 402, 403, 404, 429, 439, 500, 503])
def test_a_bad_endpoint_neither_fails_nor_slows_a_request(ingestion, fault, caplog):
    connection_string = ingestion.connection_string
    if fault == "down":
        connection_string = f"InstrumentationKey={uuid.uuid4()};IngestionEndpoint=http://127.0.0.1:1"
    elif fault == "slow":
        ingestion.gate.clear()
    else:
        ingestion.status = fault
    made = turn_on(connection_string)
    taken = calls_with_telemetry()
    assert taken[len(taken) * 9 // 10] < 1, "none has waited for a sending"
    assert taken[-1] < 2, "the time limit of a sending is 5 s: none has waited for one"
    assert made._outlet.queued <= QUICK.items
    began = time.perf_counter()
    shutdown_telemetry(0.5)
    assert time.perf_counter() - began < 4
    complaints = [record for record in caplog.records if record.levelno >= logging.WARNING]
    # An earlier test's sender, to an endpoint that is gone, may still complain here.
    told = f"(cannot be sent to|is refused by) {re.escape(endpoint_of(connection_string))}"
    own = [record for record in complaints if re.search(told, record.getMessage())]
    assert len(own) == (0 if fault == "slow" else 1)
    assert not [record for record in complaints if record.name.startswith("opencensus")]


def test_what_waited_is_sent_when_the_endpoint_is_back(ingestion, caplog):
    ingestion.status = 503
    made = turn_on(ingestion.connection_string)
    log.info("before")
    assert not made.flush(5)
    ingestion.status = 200
    assert made.flush(10)
    assert [item["data"]["baseData"]["message"] for item in ingestion.of("MessageData")] == ["before"]
    own = f"cannot be sent to {endpoint_of(ingestion.connection_string)}"
    assert sum(own in record.getMessage() for record in caplog.records) == 1


def test_what_the_endpoint_does_not_take_of_a_batch_is_sent_again(ingestion, caplog):
    made = turn_on(ingestion.connection_string, limits=WriterLimits(interval_seconds=5, batch=100))
    ingestion.takes = [3]
    for number in range(10):
        log.info("line %d", number)
    assert made.flush(10)
    sent = [item["data"]["baseData"]["message"] for item in ingestion.of("MessageData")]
    assert sorted(sent) == [f"line {number}" for number in range(10)]
    assert made._outlet.dropped == 0
    assert "lost" not in caplog.text
    assert "refused" not in caplog.text


def test_what_is_not_taken_twice_is_lost_alone(ingestion):
    made = turn_on(ingestion.connection_string, limits=WriterLimits(interval_seconds=5, batch=100, report_seconds=600))
    ingestion.takes = [3, 2]
    for number in range(10):
        log.info("line %d", number)
    assert made.flush(10)
    log.info("the next batch")
    assert made.flush(10)
    sent = [item["data"]["baseData"]["message"] for item in ingestion.of("MessageData")]
    assert sent.count("the next batch") == 1
    lines = [message for message in sent if message.startswith("line")]
    assert len(lines) == len(set(lines)) == 5


def test_memory_stays_flat_and_the_loss_is_reported_once(ingestion, caplog):
    ingestion.gate.clear()
    made = turn_on(ingestion.connection_string)
    for number in range(1000):
        log.info("line %d", number)
    assert made._outlet.queued <= QUICK.items
    assert made._outlet.dropped >= 600
    ingestion.gate.set()
    deadline = time.monotonic() + 10
    while made._outlet.dropped and time.monotonic() < deadline:
        made.flush(1)
    assert sum("telemetry items were lost" in record.getMessage() for record in caplog.records) == 1


def test_a_queued_exception_does_not_hold_what_the_request_held():
    class Upload:
        pass

    def request():
        upload = Upload()
        held.append(weakref.ref(upload))
        raise ValueError("odd")

    held = []
    try:
        request()
    except ValueError:
        item = log_item(log.makeRecord("n", logging.ERROR, "f", 1, "failed", (), sys.exc_info()))
    assert held[0]() is None
    assert item.frames[-1].function == "request"


def test_fields_of_the_caller_are_text_at_once_and_count_as_memory():
    class Upload:
        def __str__(self):
            return "x" * 100_000

    held = Upload()
    record = log.makeRecord("n", logging.INFO, "f", 1, "m", (), None)
    record.custom_dimensions = {"upload": held, 7: None}
    seen, plain = weakref.ref(held), log_item(log.makeRecord("n", logging.INFO, "f", 1, "m", (), None))
    item = log_item(record)
    del held, record
    assert seen() is None
    assert (item.properties["upload"], item.properties["7"]) == ("x" * 8000, "None")
    assert item.characters >= plain.characters + 8000


def test_an_unreadable_connection_string_turns_it_off_and_says_so(caplog):
    made = turn_on("InstrumentationKey=secret-nonsense")
    assert not made.enabled
    assert "Telemetry is off" in caplog.text
    assert "secret-nonsense" not in caplog.text


@pytest.mark.parametrize(
    ("value", "endpoint"),
    [
        ("InstrumentationKey={key}", "https://dc.services.visualstudio.com"),
        (
            "InstrumentationKey={key};IngestionEndpoint=https://weu-1.in.example.com/;LiveEndpoint=https://l/;",
            "https://weu-1.in.example.com",
        ),
        ("instrumentationkey = {key} ; EndpointSuffix=ai.example.cn;Location=cn1", "https://cn1.dc.ai.example.cn"),
    ],
)
def test_connection_strings_as_the_portal_gives_them(value, endpoint):
    key = "0F8FAD5B-d9cb-469f-a165-70867728950e"
    assert parse_connection_string(value.format(key=key)) == (key.lower(), endpoint)


@pytest.mark.parametrize("value", ["", "nonsense", "InstrumentationKey=no-key;IngestionEndpoint=ftp://x"])
def test_connection_strings_that_cannot_work(value):
    with pytest.raises(ConfigurationError):
        parse_connection_string(value)


def test_configuring_twice_sends_once(ingestion):
    turn_on(ingestion.connection_string)
    made = turn_on(ingestion.connection_string)
    log.info("once")
    assert made.flush(10)
    assert len(ingestion.envelopes) == 1


def test_the_sending_thread_is_not_telemetry_itself(ingestion):
    for name in ("urllib3", "requests"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    made = turn_on(ingestion.connection_string)
    log.info("once")
    assert made.flush(10)
    time.sleep(0.1)
    assert made.flush(10)
    for name in ("urllib3", "requests"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    assert len(ingestion.envelopes) == 1


def test_threads_of_a_pool_do_not_mix_their_operations(ingestion):
    made = turn_on(ingestion.connection_string, limits=WriterLimits(interval_seconds=0.02))

    def work():
        for _ in range(20):
            one_request(str(uuid.uuid4()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made.flush(20)
    operations = {}
    for item in ingestion.envelopes:
        call = item["data"]["baseData"]["properties"]["call_id"]
        operations.setdefault(item["tags"]["ai.operation.id"], []).append(call)
    assert len(operations) == 80
    assert all(calls == [str(uuid.UUID(operation))] * 4 for operation, calls in operations.items())


def test_statements_of_a_request_are_dependencies_without_values(ingestion, database):
    made = turn_on(ingestion.connection_string)
    trace_database(database.engine)

    def work(connection):
        connection.execute(insert(application_logs).values(Message="a private value", LogLevel="INFO"))

    database.run(work)
    assert made.flush(10)
    assert not ingestion.envelopes, "outside of a request nothing is recorded"
    with request_scope(request_id="r-1"), made.request("POST extract"):
        database.run(work)
        with pytest.raises(errors.ServiceError):
            database.run(lambda connection: connection.execute(text("SELECT nothing FROM nowhere")))
    assert made.flush(10)
    found = {item["data"]["baseData"]["name"]: item for item in ingestion.of("RemoteDependencyData")}
    assert found["INSERT ApplicationLogs"]["data"]["baseData"]["target"] == database.dialect
    assert found["INSERT ApplicationLogs"]["data"]["baseData"]["success"] is True
    assert found["SELECT nowhere"]["data"]["baseData"]["success"] is False
    assert not any("a private value" in body for body in ingestion.bodies)
    request = ingestion.of("RequestData")[0]
    assert {item["tags"]["ai.operation.id"] for item in found.values()} == {request["tags"]["ai.operation.id"]}


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ('INSERT INTO "docUpload"."TokenUsageLogs" (a) VALUES (?)', "INSERT TokenUsageLogs"),
        ("UPDATE [docUpload].[Quotas] SET a = ? WHERE b IN (SELECT x FROM y)", "UPDATE Quotas"),
        ("SELECT a,\n b FROM Extractions WHERE c = ?", "SELECT Extractions"),
        ("DELETE FROM TokenReservations WHERE a = ?", "DELETE TokenReservations"),
        ("BEGIN IMMEDIATE", "BEGIN"),
        ("", "statement"),
    ],
)
def test_statements_are_named_by_verb_and_table(statement, name):
    assert statement_name(statement) == name


def test_opencensus_is_not_imported_until_something_is_sent():
    probe = (
        "import sys, shared_code.observability.telemetry as t; from shared_code.settings import Settings; "
        f"t.configure_telemetry(Settings(applicationinsights_connection_string='InstrumentationKey={uuid.uuid4()}')); "
        "print([n for n in ('opencensus', 'requests', 'azure') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=Path.cwd(), timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
