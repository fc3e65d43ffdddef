"""What Application Insights gets of the running stack: each request's log lines, spans and rows under one operation."""

import json
import time
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from devstack.setup.ports import free_ports
from tests.e2e.calling import SAMPLES, request, rows, unique
from tests.e2e.conftest import RunningStack
from tests.integration.observability.ingestion import Ingestion

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
#: telemetry is gathered for five seconds
PATIENCE = 30


@pytest.fixture(scope="module")
def ingestion():
    endpoint = Ingestion()
    yield endpoint
    endpoint.stop()


@pytest.fixture(scope="module")
def stack(tmp_path_factory, ingestion):
    environment = {"APPLICATIONINSIGHTS_CONNECTION_STRING": ingestion.connection_string, "NO_PROXY": "127.0.0.1"}
    running = RunningStack(tmp_path_factory.mktemp("stack"), "--port", free_ports(1)[0], env=environment)
    try:
        yield running.wait_until_ready()
        assert running.end() == 0, running.console
    finally:
        running.abandon()


def operation(ingestion, name, **wanted):
    """All items of the operation of the first request of that name, once that request has arrived."""
    deadline = time.monotonic() + PATIENCE
    while True:
        for item in ingestion.of("RequestData"):
            base = item["data"]["baseData"]
            if base["name"] == name and base["properties"].items() >= wanted.items():
                found = item["tags"]["ai.operation.id"]
                items = [one for one in ingestion.envelopes if one["tags"].get("ai.operation.id") == found]
                return found, items
        assert time.monotonic() < deadline, f"no request {name} among {len(ingestion.envelopes)} items"
        time.sleep(0.2)


def dependencies(items):
    bases = [item["data"]["baseData"] for item in items if item["data"]["baseType"] == "RemoteDependencyData"]
    return {(base["type"], base["name"]) for base in bases}


def messages(items):
    return {item["data"]["baseData"]["message"] for item in items if item["data"]["baseType"] == "MessageData"}


def stored(stack, found):
    """Messages of the ApplicationLogs rows of an operation, when they have been written."""
    deadline = time.monotonic() + PATIENCE
    while True:
        lines = {row["Message"] for row in rows(stack, "SELECT * FROM ApplicationLogs WHERE OperationID = ?", found)}
        if lines or time.monotonic() > deadline:
            return lines
        time.sleep(0.2)


@pytest.fixture(scope="module")
def acts(stack):
    """One of everything; telemetry is gathered for seconds, so the tests look at it together."""
    address = f"{stack['host']}/api/extract?companyID=NT047&username=bzumah"
    sent = {"Content-Type": "application/pdf", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "x-request-id": "up-1"}
    assert request(address, "POST", body=unique(SAMPLES / "gst-invoice.pdf"), headers=sent).status == 200
    admin(stack, "tokens/1")
    fired = {"Content-Type": "application/json"}
    assert (
        request(
            f"{stack['host']}/admin/functions/UsageRollupFunction", "POST", body=b'{"input": ""}', headers=fired
        ).status
        == 202
    )
    with BlobServiceClient.from_connection_string(
        stack["blob_connection_string"], connection_timeout=5, read_timeout=10
    ) as service:
        container = service.get_container_client("invoices")
        if not container.exists():
            container.create_container()
        container.upload_blob("NT047/RUB/a.pdf", unique(SAMPLES / "ghana-vat-invoice.pdf"))


def test_an_upload_s_log_lines_spans_and_rows_share_the_platform_s_operation(stack, acts, ingestion):
    found, items = operation(ingestion, "extract", request_id="up-1")
    assert found == TRACE
    assert {kind for kind, _ in dependencies(items)} == {"database", "provider"}
    assert ("database", "INSERT TokenUsageLogs") in dependencies(items)
    assert stored(stack, TRACE) == messages(items)
    assert len(messages(items)) >= 2
    (whole,) = [item for item in items if item["data"]["baseType"] == "RequestData"]
    children = {item["tags"]["ai.operation.parentId"] for item in items if item is not whole}
    assert children == {whole["data"]["baseData"]["id"]}
    listed = admin(stack, f"logs?operation_id={TRACE}")
    assert {line["message"] for line in listed["data"]["items"]} == messages(items)


def test_the_admin_api_is_seen_by_route(acts, ingestion):
    _, items = operation(ingestion, "manage", route="/tokens/{token_id}")
    assert ("database", "SELECT TokenMaster") in dependencies(items)


def test_a_dropped_file_shows_its_calls_to_storage(stack, acts, ingestion):
    found, items = operation(ingestion, "blob")
    assert {kind for kind, _ in dependencies(items)} == {"database", "provider", "storage"}
    assert ("storage", "PUT blob") in dependencies(items)
    assert not [item for item in items if "a.pdf" in str(item["data"]["baseData"].get("data"))]
    assert stored(stack, found) == messages(items)


def test_the_timer_shows_its_calls_to_database_and_storage(stack, acts, ingestion):
    found, items = operation(ingestion, "rollup")
    assert {kind for kind, _ in dependencies(items)} == {"database", "storage"}
    assert stored(stack, found) == messages(items)
    metrics = {item["data"]["baseData"]["metrics"][0]["name"] for item in ingestion.of("MetricData")}
    assert metrics >= {"model_tokens", "cost_usd", "overhead_ms", "outbox_depth", "poison_depth"}


def test_no_key_was_sent(stack, acts, ingestion):
    made = json.loads(Path(stack["database_url"].removeprefix("sqlite:///")).with_name("secrets.json").read_text())
    account = dict(part.split("=", 1) for part in stack["blob_connection_string"].split(";") if part)["AccountKey"]
    ring = made["encryption_keys"].partition(":")[2]
    assert ingestion.bodies
    for secret in (made["demo_key"], made["admin_secret"], ring, account):
        assert not [body for body in ingestion.bodies if secret in body]


def admin(stack, path):
    answer = request(f"{stack['host']}/api/manage/{path}", headers={"Authorization": f"Bearer {stack['admin_key']}"})
    assert answer.status == 200, answer.raw
    return answer.json
