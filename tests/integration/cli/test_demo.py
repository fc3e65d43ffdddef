"""``demo``: an empty database gets companies, usage and documents whose books are right; no other database does."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from shared_code.bootstrap import build_services
from shared_code.cli.filling import demo as command
from shared_code.cli.main import main
from shared_code.database import tables
from shared_code.database.connection import create_database
from shared_code.database.stores.usage.reconciliation import find_discrepancies
from shared_code.demo.documents import documents
from shared_code.demo.fill import fill
from tests.devstack.host.azurite import running_azurite

from .conftest import RING

#: a key of the demo rests for some minutes from now on, by the database's clock too
NOW = datetime.now(UTC).replace(microsecond=0)
STATES = {"pending", "postponed", "confirmed", "corrected", "rejected"}


@pytest.fixture
def settings_name(monkeypatch, tmp_path):
    """What the settings name beside the database."""
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEYS", RING)
    for name in ("AZURE_SQL_CONNECTION_STRING", "AzureWebJobsStorage", "AZUREWEBJOBSSTORAGE"):
        monkeypatch.setenv(name, "")

    def name(url):
        monkeypatch.setenv("DATABASE_URL", url)

    name(f"sqlite:///{tmp_path / 'own.sqlite'}")
    return name


def rows(url, make_settings, statement):
    database = create_database(make_settings(url))
    try:
        return database.read(lambda connection: connection.execute(statement).all())
    finally:
        database.close()


def one(url, make_settings, statement):
    return rows(url, make_settings, statement)[0][0]


def count(url, make_settings, table):
    return one(url, make_settings, select(func.count()).select_from(table))


@pytest.mark.long
def test_an_empty_database_is_filled_and_its_books_are_right(settings_name, database_url, make_settings, capsys):
    assert main(["demo", "--into", database_url, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["companies"], told["keys"], told["documents"], told["copies"]) == (3, 8, 40, 0)

    daily, logs, summary = tables.usage_daily, tables.token_usage_logs, tables.token_usage_summary
    per_key = select(daily.c.TokenID, func.sum(daily.c.TotalTokens)).group_by(daily.c.TokenID)
    booked = dict(map(tuple, rows(database_url, make_settings, per_key.where(daily.c.TokenID > 0))))
    used = dict(map(tuple, rows(database_url, make_settings, select(summary.c.TokenID, summary.c.TotalUsedTokens))))
    assert used == {token: int(tokens) for token, tokens in booked.items()}
    assert rows(database_url, make_settings, select(logs.c.UsageID).where(logs.c.FoldedAt.is_(None))) == []
    assert told["calls"] == one(database_url, make_settings, select(func.sum(daily.c.Requests)))
    assert rows(database_url, make_settings, select(tables.token_reservations.c.CallID)) == []
    limits = select(tables.token_master.c.TotalTokenLimit, summary.c.TotalRemainingTokens, summary.c.TotalUsedTokens)
    joined = limits.join_from(tables.token_master, summary, summary.c.TokenID == tables.token_master.c.TokenID)
    assert all(
        limit is None or limit == left + spent for limit, left, spent in rows(database_url, make_settings, joined)
    )

    states = select(tables.reviews.c.State).distinct()
    assert {state for (state,) in rows(database_url, make_settings, states)} == STATES
    assert count(database_url, make_settings, tables.jobs) == 3
    newest = one(database_url, make_settings, select(func.max(tables.extractions.c.CreatedAt)))
    assert newest <= datetime.now(UTC).replace(tzinfo=None)

    assert main(["demo", "--into", database_url]) == 1
    assert "TokenMaster has 8 rows" in capsys.readouterr().err


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    """A storage account on this machine: its connection string."""
    with running_azurite(tmp_path_factory.mktemp("azurite")) as connection:
        yield connection


@pytest.fixture(scope="module")
def made_twice(tmp_path_factory, storage):
    """Two databases with the demo as of the same moment; only the first has a storage account."""
    urls = [f"sqlite:///{tmp_path_factory.mktemp('demo') / name}.sqlite" for name in ("first", "second")]
    for url, account in zip(urls, (storage, ""), strict=True):
        with services_of(url, account) as services:
            services.ready()
            filled = fill(command.parts_of(services, now=NOW))
            assert (filled.copies > 0) is bool(account)
    return urls


@contextmanager
def services_of(url, account):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOKEN_ENCRYPTION_KEYS", RING)
        patch.setenv("AZURE_SQL_CONNECTION_STRING", "")
        patch.setenv("AZUREWEBJOBSSTORAGE", account)
        patch.setenv("DATABASE_URL", url)
        services = build_services(command.command_settings(), sleep=lambda _: None, clock=lambda: NOW)
        try:
            yield services
        finally:
            services.close()


def test_pages_of_what_was_read_are_shown_where_there_is_storage(made_twice, storage, make_settings):
    table, reviews = tables.extractions, tables.reviews
    read = rows(made_twice[0], make_settings, select(table.c.CompanyID, table.c.DocumentSha256, table.c.State))
    review = select(reviews.c.ReadingID).where(reviews.c.Reason == "line_mismatch", reviews.c.State == "pending")
    with services_of(made_twice[0], storage) as services:
        kept = services.blobs.documents
        assert {(kept.read(company, sha256) is not None) for company, sha256, state in read if state == "done"} == {
            True
        }
        viewed = services.blobs.pages.find(one(made_twice[0], make_settings, review))
        assert len(services.blobs.pages.pages(viewed).pages) == 1
        assert services.blobs.pages.picture(viewed, 1, 800).content.startswith(b"\x89PNG")


def test_the_same_moment_makes_the_same_data(made_twice, make_settings):
    table, daily, alerts = tables.extractions, tables.usage_daily, tables.alerts
    reviews, corrections = tables.reviews, tables.corrections
    for statement in (
        select(table.c.PublicID, table.c.CreatedAt, table.c.Status, table.c.ErrorCode).order_by(table.c.ExtractionID),
        select(daily.c.LocalDay, daily.c.TokenID, daily.c.TotalTokens, daily.c.CostUSD).order_by(daily.c.UsageDailyID),
        select(reviews.c.ReadingID, reviews.c.State, reviews.c.DecidedAt).order_by(reviews.c.ReviewID),
        select(corrections.c.Field, corrections.c.ValueAfter).order_by(corrections.c.CorrectionID),
        select(alerts.c.Kind, alerts.c.Subject).order_by(alerts.c.AlertID),
    ):
        first, second = (rows(url, make_settings, statement) for url in made_twice)
        assert first
        assert first == second


def test_the_services_own_checks_find_nothing_wrong(made_twice, make_settings):
    database = create_database(make_settings(made_twice[0]))
    try:
        assert database.read(lambda connection: find_discrepancies(connection, first=1, last=10_000)) == []
    finally:
        database.close()


def test_every_state_of_a_reading_is_there(made_twice, make_settings):
    table, jobs = tables.extractions, tables.jobs
    came_to = {tuple(row) for row in rows(made_twice[0], make_settings, select(table.c.State, table.c.ErrorCode))}
    assert came_to == {
        ("done", None),
        ("failed", "INVALID_FILE"),
        ("failed", "UNSUPPORTED_FILE_TYPE"),
        ("failed", "PROVIDER_REJECTED"),
    }
    assert {state for (state,) in rows(made_twice[0], make_settings, select(jobs.c.State))} == {"waiting", "cancelled"}
    reasons = {reason for (reason,) in rows(made_twice[0], make_settings, select(tables.reviews.c.Reason))}
    assert {"corrected_before", "above_amount", "everything", "line_mismatch"} <= reasons


def test_the_forty_documents_are_all_different():
    made = documents(NOW, 7)
    assert len(made) == 40
    assert len({(document.company_id, document.content) for document in made}) == 39  # one is read again


def test_a_database_with_rows_is_left_alone(manage):
    assert manage("tokens", "add", "nt047", stdin="AIzaDemoRefused1\n")[0] == 0
    code, _, said = manage("demo")
    assert code == 1
    assert "TokenMaster has 1 row, " in said
    assert [key["company_id"] for key in manage("tokens", "list", "--json")[1]] == ["NT047"]


def test_logins_and_lines_of_the_log_do_not_count_as_rows(manage):
    assert manage("admin-keys", "create", "--role", "viewer", "--label", "me")[0] == 0
    code, _, said = manage("demo")
    assert (code, "AdminAudit has 1 row" in said, "AdminKeys" in said) == (1, True, False)


def test_the_platforms_machines_are_refused(manage):
    code, _, said = manage("demo", WEBSITE_INSTANCE_ID="0123")
    assert code == 1
    assert "WEBSITE_INSTANCE_ID says that this is the platform" in said


def test_a_servers_database_of_the_settings_is_refused_before_it_is_asked(manage):
    code, _, said = manage("demo", DATABASE_URL="postgresql+psycopg://demo@127.0.0.1:1/invoices")
    assert code == 1
    assert "an empty database that --into names" in said


def test_without_a_key_ring_nothing_is_written(manage, make_settings, tmp_path):
    code, _, said = manage("demo", "--into", f"sqlite:///{tmp_path / 'new.sqlite'}", TOKEN_ENCRYPTION_KEYS="")
    assert code == 1
    assert "TOKEN_ENCRYPTION_KEYS is not set" in said
    assert not (tmp_path / "new.sqlite").exists()
