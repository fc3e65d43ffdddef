import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import insert, update

from shared_code import errors
from shared_code.bootstrap import build_services
from shared_code.bootstrap.health import _key_finder
from shared_code.database.clock import utc_in, utc_now
from shared_code.database.connection import create_database
from shared_code.database.schema import HEAD, ensure_schema
from shared_code.database.tables import token_master, token_usage_logs
from shared_code.operations.health_checker import SystemHealthChecker
from shared_code.operations.health_checks import (
    cpu_check,
    database_check,
    disk_check,
    memory_check,
    migration_check,
    outbox_check,
    provider_check,
    rollup_check,
    storage_check,
    usable_keys_check,
)
from shared_code.operations.timer_state import note_run
from shared_code.providers.base import ModelCallFailed, Next
from shared_code.records import Provider


class ListingProvider:
    """A provider of which only the list of models is asked; answers what the test queues."""

    provider = Provider.GEMINI

    def __init__(self, *answers):
        self.answers, self.keys = list(answers), []

    def list_models(self, *, api_key, timeout_seconds):
        self.keys.append(api_key)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def refused(public):
    return ModelCallFailed("no", reason="because", next_step=Next.FAIL, public=public)


def test_the_machine_is_measured():
    for check in (
        cpu_check(limit_percent=101, window_seconds=0.01),
        memory_check(limit_percent=101),
        disk_check(limit_percent=101),
    ):
        reading = check()
        assert reading
        assert 0 <= reading.facts["percent"] <= 100


def test_a_nearly_full_disk_is_unhealthy(tmp_path):
    reading = disk_check(str(tmp_path), limit_percent=0.0)()
    assert not reading
    assert reading.facts["free_megabytes"] >= 0


def test_memory_over_its_limit_is_unhealthy():
    reading = memory_check(limit_percent=0.0)()
    assert not reading
    assert reading.facts["process_megabytes"] > 0


def test_the_database_answers(database):
    reading = database_check(database)()
    assert reading.facts["backend"] == database.dialect
    assert reading.facts["milliseconds"] < 5000


def test_health_degrades_and_recovers_with_the_database(tmp_path, make_settings):
    folder = tmp_path / "d"
    database = create_database(make_settings(f"sqlite:///{folder / 'x.db'}"))
    checker = SystemHealthChecker(time_limit_seconds=2)
    checker.add_check("database", database_check(database, budget_seconds=0))
    try:
        gone = checker.run_checks()
        assert gone["overall_status"] == "degraded"
        assert gone["checks"]["database"] == {
            "status": "error",
            "error": "DatabaseUnavailable: The database is not available at the moment. Please try again shortly. "
            "(refused: SQLITE_CANTOPEN)",
        }
        folder.mkdir()
        assert checker.run_checks()["overall_status"] == "healthy"
    finally:
        database.close()


def test_usable_keys_are_counted_as_people_type_them(database):
    def fill(connection):
        for status, expires in (
            ("Active", None),
            (" active ", None),
            ("below threshold", None),
            ("Active", utc_in(-5)),
            ("Active", utc_in(500)),
            ("Blocked", None),
            (None, None),
        ):
            connection.execute(insert(token_master).values(CompanyID="NT047", Status=status, ExpiresAt=expires))

    reading = usable_keys_check(database)()
    assert not reading
    assert reading.facts == {"usable_keys": 0}
    database.run(fill)
    reading = usable_keys_check(database, minimum=4)()
    assert reading
    assert reading.facts == {"usable_keys": 4}


def test_the_rollup_is_late_when_a_row_waits_too_long(database):
    check = rollup_check(database, limit_seconds=600)
    database.run(note_run)
    facts = dict(check().facts)
    assert facts.pop("seconds_since_last_run") < 30
    assert facts == {
        "oldest_unfolded_seconds": None,
        "limit_seconds": 600,
        "seconds_since_last_fold": None,
        "failing_steps": [],
        "rows_set_aside": 0,
    }
    assert check()

    def row(age, *, folded):
        values = {"CallID": f"call-{age}", "LoggedAt": utc_in(-age), "FoldedAt": utc_now() if folded else None}
        database.run(lambda connection: connection.execute(insert(token_usage_logs).values(**values)))

    row(5000, folded=True)
    row(100, folded=False)
    reading = check()
    assert reading
    # Azure SQL keeps 1/300 s of that column, and rounds.
    assert 99 <= reading.facts["oldest_unfolded_seconds"] < 130
    assert reading.facts["seconds_since_last_fold"] < 30
    waits = token_usage_logs.c.FoldedAt.is_(None)
    older = update(token_usage_logs).where(waits).values(LoggedAt=utc_in(-700))
    database.run(lambda connection: connection.execute(older))
    assert not check()


def test_the_outbox_may_hold_so_many():
    assert outbox_check(lambda: 3, limit=3)()
    assert not outbox_check(lambda: 4, limit=3)()


def test_the_migration_level_is_compared(empty_database_url, make_settings):
    database = create_database(make_settings(empty_database_url))
    try:
        check = migration_check(database)
        assert check().facts == {"found": None, "needed": HEAD}
        assert not check()
        ensure_schema(database, auto_migrate=True)
        assert check().facts["found"] == HEAD
        assert check()
    finally:
        database.close()


def test_a_provider_that_lists_its_models_is_well_and_asked_seldom():
    provider = ListingProvider(["gemini-a", "gemini-b"])
    check = provider_check(provider, lambda: "key")
    assert check()
    assert check().facts["models"] == 2
    assert provider.keys == ["key"]


@pytest.mark.parametrize(
    ("public", "reached"),
    [
        (errors.ProviderUnavailable, False),
        (errors.ProviderTimeout, False),
        (errors.ProviderRateLimited, True),
        (errors.TokenUnavailable, True),
        (errors.ProviderRejected, True),
    ],
)
def test_a_provider_that_refuses_has_answered(public, reached):
    reading = provider_check(ListingProvider(refused(public)), lambda: "key")()
    assert bool(reading) is reached
    assert reading.facts["reason"] == "because"


def test_without_a_key_the_provider_is_not_asked():
    provider = ListingProvider()
    reading = provider_check(provider, lambda: None)()
    assert reading
    assert reading.facts == {"provider": "Gemini", "asked": False}


EMPTY_LIST = b"""<?xml version="1.0" encoding="utf-8"?>
<EnumerationResults ServiceEndpoint="http://127.0.0.1/"><MaxResults>1</MaxResults>
<Containers><Container><Name>invoices</Name><Properties><Last-Modified>Mon, 01 Jan 2024 00:00:00 GMT</Last-Modified>
<Etag>"1"</Etag></Properties></Container></Containers><NextMarker/></EnumerationResults>"""


class _Blobs(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self):
        assert "comp=list" in self.path
        body = EMPTY_LIST if self.status == 200 else b""
        self.send_response(self.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def blobs(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    handler = type("Handler", (_Blobs,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield handler, server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def client_for(port):
    from azure.storage.blob import BlobServiceClient

    key = "a2V5" * 8
    return BlobServiceClient.from_connection_string(
        f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey={key};BlobEndpoint=http://127.0.0.1:{port}/a;"
    )


def test_each_provider_is_asked_with_its_newest_key_that_opens(database, make_settings):
    """However many keys there are, and as people type them."""
    services = build_services(make_settings(database.engine.url.render_as_string(hide_password=False)))
    typed = [
        *({"Provider": "Gemini", "ApiKey": f"AIza{number}", "Status": "Active"} for number in range(30)),
        {"Provider": " openai ", "ApiKey": "sk-first", "Status": "below threshold"},
        {"Provider": None, "ApiKey": "AIza-newest", "Status": "Active"},
        {"Provider": "OpenAI", "ApiKey": "enc:v1:unknown:AAAA", "Status": "Active"},
        {"Provider": "Gemini", "ApiKey": "AIza-blocked", "Status": "Blocked"},
    ]
    with database.transaction() as connection:
        for row in typed:
            values = {name: value for name, value in row.items() if value is not None}
            connection.execute(insert(token_master).values(CompanyID="NT047", **values))
    found = {provider: _key_finder(services.database, services.cipher, provider)() for provider in Provider}
    services.close()
    assert found == {Provider.GEMINI: "AIza-newest", Provider.OPENAI: "sk-first"}


def test_storage_is_well_when_it_lists_and_not_when_it_fails(blobs):
    handler, port = blobs
    with client_for(port) as client:
        checker = SystemHealthChecker()
        checker.add_check("storage", storage_check(lambda: client))
        assert checker.run_checks()["checks"]["storage"]["status"] == "healthy"
        handler.status = 503
        began = time.perf_counter()
        assert checker.run_checks()["checks"]["storage"]["status"] == "error"
        assert time.perf_counter() - began < 3, "no retries of the SDK"


def test_storage_that_is_not_there_is_an_error_without_its_key(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with client_for(1) as client:
        checker = SystemHealthChecker()
        checker.add_check("storage", storage_check(lambda: client, timeout_seconds=1))
        entry = checker.run_checks()["checks"]["storage"]
    assert entry["status"] == "error"
    assert "a2V5a2V5" not in entry["error"]
