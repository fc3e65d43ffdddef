"""docs/runbook.md, "Restore the database to a point in time", done for real: what comes back, what is lost, what it costs.

A copy of the database is made while a call runs; keys, limits, documents and jobs go on; then the database is taken
away under two calls, and the copy takes its place. Storage and the model keep what happened meanwhile.
"""

import contextlib
import io
import json
import os
import sqlite3
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine, make_url, update

from devstack.gemini import GeminiStandIn
from shared_code import bootstrap
from shared_code.bootstrap import build_services
from shared_code.cli.main import main
from shared_code.database import tables
from shared_code.database.clock import utc_in
from shared_code.database.key_cipher import new_ring_entry
from shared_code.extraction.submission import Submission
from shared_code.observability.request_context import request_scope
from shared_code.records import Caller, CallIdentity, Source
from tests.devstack.host.running import wait_for
from tests.integration.blobs.stack import RING
from tests.integration.extraction.cuts import cuttable
from tests.integration.jobs.stack import JobStack

pytestmark = pytest.mark.long

#: the ring after it was rotated
LATER_RING = f"{new_ring_entry('later')},{RING}"


class Held(GeminiStandIn):
    """A model that answers a call when it is told to."""

    def __init__(self):
        super().__init__()
        self.go = threading.Event()

    def _wait(self, _seconds):
        self.go.wait(60)


class Place(JobStack):
    """The app on a database that can be taken away, with what was to be read meanwhile."""

    def __init__(self, folder, url):
        super().__init__(folder, MAX_RETRIES="0", DB_RETRY_BUDGET_SECONDS="0.4", DB_LOGIN_TIMEOUT_SECONDS="1")
        self.settings["TOKEN_ENCRYPTION_KEYS"] = RING
        self.url = url

    @property
    def environment(self):
        return super().environment | {"DATABASE_URL": self.url} | self.settings

    def upload(self, document, *, company="NT047", services=None):
        """One upload that waits for its answer."""
        identity = CallIdentity(str(uuid.uuid4()), Caller(company, "bzumah"), Source.HTTP, "r-1")
        with request_scope(request_id="r-1", call_id=identity.call_id):
            wanted = Submission(data=document, identity=identity, deadline_seconds=200.0, file_name="invoice.pdf")
            return (services or self.services).extraction.extract(wanted).data

    def on(self, **changes):
        """Services of another process; changes are settings."""
        return build_services(self._settings().model_copy(update=changes), clock=lambda: self.now).ready()

    def run(self, *arguments, stdin="", **changes):
        """``manage.py`` in this process: exit code, standard output, standard error."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            for name, value in (self.environment | {"COLUMNS": "250"} | changes).items():
                patch.setenv(name, value)
            patch.setattr("sys.stdin", io.StringIO(stdin))
            try:
                code = main([str(argument) for argument in arguments])
            finally:
                bootstrap.reset()
        text = out.getvalue()
        return code, json.loads(text) if "--json" in arguments and text else text, err.getvalue()

    def done(self, *arguments, **more):
        """The output of a command that must succeed."""
        code, out, err = self.run(*arguments, **more)
        assert code == 0, (arguments, out, err)
        return out

    def table(self, table, **where):
        """Rows of a table, by id."""
        return self.rows(table, *(table.c[name] == value for name, value in where.items()))


def copied(url, name, folder):
    """A copy of the database at this moment, while it is used: its URL."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = folder / f"{name}.db"
        with (
            contextlib.closing(sqlite3.connect(parsed.database)) as there,
            contextlib.closing(sqlite3.connect(path)) as here,
        ):
            there.backup(here)
        return f"sqlite:///{path}"
    administered = parsed.set(drivername="postgresql+psycopg", database="postgres")
    server, name = create_engine(administered, isolation_level="AUTOCOMMIT"), f"{parsed.database}_{name}"
    with server.connect() as connection:
        # Of a template nobody else may have a session; the service's own come back by themselves.
        connection.exec_driver_sql(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{parsed.database}'"
        )
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {parsed.database}")
    server.dispose()
    return parsed.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="module", params=("sqlite", "postgresql"))
def database_url(request, tmp_path_factory, postgresql_server):
    """Of a new, empty database of the module's own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('restored') / 'service.db'}"
        return
    server = create_engine(
        postgresql_server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    name = f"service_{os.getpid()}"
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield postgresql_server.replace("/postgres?", f"/{name}?")
    with server.connect() as connection:
        for each in (name, f"{name}_restored"):
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {each} WITH (FORCE)")
    server.dispose()


@pytest.fixture(scope="module")
def story(database_url, tmp_path_factory):
    """Everything until the app is to start on the copy: what was made when, by name."""
    folder = tmp_path_factory.mktemp("place")
    with (
        cuttable(database_url) as cut,
        Held() as early,
        Held() as late,
        Place(folder, cut.url) as place,
        contextlib.closing(place.on(gemini_base_url=early.url)) as quick,
        contextlib.closing(place.on(gemini_base_url=late.url)) as slow,
        ThreadPoolExecutor(3) as pool,
    ):
        said = SimpleNamespace(place=place, models=(place.gemini, early, late), erased=place.upload(place.document()))
        said.job = place.send().data["id"]
        said.admin_key = place.done("admin-keys", "create", "--role", "viewer", "--json")["key_id"]
        settled = pool.submit(place.upload, place.document(), services=quick)
        waiting = pool.submit(place.upload, place.document(), services=slow)
        wait_for(lambda: len(place.table(tables.token_reservations)) == 2)
        said.copy = copied(database_url, "restored", folder)
        early.go.set()
        said.settled = settled.result(timeout=60)
        go_on_after_the_copy(place, said)
        with contextlib.closing(place.on(gemini_base_url=late.url)) as restarted:
            lost = pool.submit(place.upload, place.document(), company="LATER", services=restarted)
            wait_for(lambda: len(place.table(tables.token_reservations)) == 2)
            cut.cut()
            late.go.set()
            said.waiting, said.lost = waiting.result(timeout=60), lost.result(timeout=60)
        yield said


def go_on_after_the_copy(place, said):
    """What the copy does not know: a document, a job, a dropped file, keys, a limit, a ring, an erasure."""
    said.document = place.document()
    said.after = place.upload(said.document)
    assert place.deliver() == {said.job: "result"}
    place.drop("NT047/after.pdf")
    place.done("blobs", "retry", "NT047/after.pdf")
    place.done("tokens", "rotate", 1, "--yes", stdin="AIzaRotated0123456789abcdefghijklmnopqr")
    place.done("tokens", "set-limit", 1, 40_000_000)
    place.done("admin-keys", "revoke", said.admin_key, "--yes")
    place.done("extractions", "erase", said.erased["id"], "--yes")
    place.add_key("LATER")
    (row,) = place.table(tables.token_master, CompanyID="LATER")
    said.lost_key = row.TokenID
    place.settings["TOKEN_ENCRYPTION_KEYS"] = LATER_RING
    place.done("tokens", "reencrypt")


@pytest.fixture(scope="module")
def restored(story):
    """The app on the copy, after the runbook's commands; a company that came before the timer got the lost key's number."""
    place = story.place
    place.url = story.copy
    place.settings |= {"DB_RETRY_BUDGET_SECONDS": "20", "BLOB_SWEEP_AFTER_SECONDS": "0.1"}
    place.done("db", "check")
    place.done("db", "upgrade")
    story.keys = place.done("tokens", "list", "--json")
    story.keys_without_the_old_ring = place.done(
        "tokens", "list", "--json", TOKEN_ENCRYPTION_KEYS=LATER_RING.partition(",")[0]
    )
    story.diagnosis = place.run("diagnose", "--json")
    place.services.close()
    place.services = place.on()
    place.add_key("NEWCOMER")
    story.waiting_bookings = place.services.outbox.depth()
    story.stood = [row.CallID for row in place.table(tables.token_reservations)]
    story.reports = [place.done("rollup", "run", "--json")]
    leases = update(tables.token_reservations).values(LeaseUntil=utc_in(-1))
    place.services.database.run(lambda connection: connection.execute(leases))
    story.reports.append(place.done("rollup", "run", "--json"))
    return story


def rows_of(restored, reading):
    """Usage rows of a reading's call."""
    return restored.place.table(tables.token_usage_logs, DocumentSha256=reading["provenance"]["sha256"])


def test_calls_under_way_at_the_end_were_answered_and_wait_in_the_outbox(restored):
    assert (restored.waiting["status"], restored.lost["status"]) == ("ok", "ok")
    assert restored.waiting_bookings == 2
    assert restored.place.services.outbox.depth() == 0


@pytest.mark.parametrize("name", ["waiting", "lost"])
def test_a_booking_from_the_outbox_is_booked_once_and_brings_its_reading_whenever_its_call_was_made(restored, name):
    reading = getattr(restored, name)
    (row,) = rows_of(restored, reading)
    assert (row.Kind, row.TotalTokensUsed) == ("usage", reading["usage"]["total_tokens"])
    answer = restored.place.get(reading["id"])
    assert (answer.status, answer.data["invoices"][0]["total"]) == (200, "76440.00")


def test_a_booking_of_a_key_that_is_gone_counts_for_its_company_not_for_the_key_that_got_its_number(restored):
    (newcomer,) = restored.place.table(tables.token_master, CompanyID="NEWCOMER")
    assert newcomer.TokenID == restored.lost_key
    (row,) = rows_of(restored, restored.lost)
    assert (row.TokenID, row.CompanyID) == (None, "LATER")
    (summary,) = restored.place.table(tables.token_usage_summary, TokenID=newcomer.TokenID)
    assert (summary.TotalUsedTokens, summary.TotalRemainingTokens) == (0, 50_000_000)


def test_a_call_that_ran_at_the_copy_and_was_booked_after_it_is_booked_at_its_bound(restored):
    (row,) = rows_of(restored, restored.settled)
    assert row.CallID in restored.stood
    assert (row.Kind, row.Outcome) == ("unmeasured", "lease_ended")
    assert row.TotalTokensUsed > restored.settled["usage"]["total_tokens"]
    assert restored.place.table(tables.token_reservations) == []


def test_bookings_made_after_the_copy_are_lost_and_the_providers_bill_has_them(restored):
    assert rows_of(restored, restored.after) == []
    billed = sum("generateContent" in call["path"] for model in restored.models for call in model.calls())
    (report,) = restored.place.done("usage", "report", "--by", "company", "--company", "NT047", "--json")
    # The document, the job and the dropped file; the call of the other company is in no row of this one.
    assert billed - 1 - report["requests"] == 3


def test_books_and_rows_agree_afterwards(restored):
    for report in restored.reports:
        assert [step for step in report if step["error"]] == []
    assert restored.place.done("alerts", "list", "--kind", "usage_drift", "--json") == []


def test_keys_limits_and_revocations_are_as_they_were(restored):
    (key,) = restored.keys
    assert key["api_key_hint"] != "opqr"
    assert key["total_token_limit"] == 50_000_000
    assert key["opens"] is True
    (admin_key,) = restored.place.done("admin-keys", "list", "--json")
    assert admin_key["revoked_at"] is None


def test_the_old_entry_of_the_ring_is_needed_until_all_keys_are_encrypted_anew(restored):
    assert restored.keys_without_the_old_ring[0]["opens"] is False
    restored.place.done("tokens", "reencrypt")
    (key, _) = restored.place.done("tokens", "list", "--json", TOKEN_ENCRYPTION_KEYS=LATER_RING.partition(",")[0])
    assert key["opens"] is True


def test_a_reading_made_after_the_copy_is_unknown_and_its_document_is_paid_for_again(restored):
    place = restored.place
    assert place.get(restored.after["id"]).status == 404
    again = place.upload(restored.document)
    assert again["id"] != restored.after["id"]
    assert again["usage"]["requests"] == 1


def test_a_dropped_file_that_has_its_result_is_not_read_again(restored):
    result, _ = restored.place.result("NT047/after.pdf")
    assert result["data"]["status"] == "ok"
    assert restored.place.done("blobs", "list", "--json") == []
    assert restored.place.get(result["data"]["id"]).status == 404


def test_a_job_that_was_answered_after_the_copy_fails_because_its_document_is_gone(restored):
    answer = restored.place.get(restored.job)
    assert (answer.data["state"], answer.data["error"]["code"]) == ("failed", "INTERNAL_ERROR")


def test_an_erased_document_is_there_again_and_can_be_erased_again(restored):
    place = restored.place
    assert place.get(restored.erased["id"]).status == 200
    place.done("extractions", "erase", restored.erased["id"], "--yes")
    assert place.get(restored.erased["id"]).status == 410
