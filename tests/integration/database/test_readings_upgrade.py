"""A database whose readings were claims upgrades in place: each old reading gets an id, and serves as before."""

import json
import re
from datetime import datetime

import pytest
from alembic import command
from sqlalchemy import Column, DateTime, MetaData, String, Table, Unicode, UnicodeText, event, insert, inspect, select

from shared_code.database import schema
from shared_code.database.connection import create_database
from shared_code.database.engines import WRITE_OPTION
from shared_code.database.stores.extractions import claims as claim_store
from shared_code.database.stores.extractions import readings
from shared_code.database.stores.extractions.claims import ClaimRequest
from shared_code.database.stores.extractions.readings import Finished
from shared_code.database.tables import SCHEMA, claims, extractions
from shared_code.labels import is_reading_id

#: as the version before wrote it
OLD = Table(
    "Extractions",
    MetaData(),
    *(
        Column(name, String(100))
        for name in ("ClaimKey", "CompanyID", "DocumentSha256", "PromptVersion", "Provider", "Model", "CallID", "State")
    ),
    Column("LeaseUntil", DateTime),
    Column("FinishedAt", DateTime),
    Column("Status", String(20)),
    Column("Result", UnicodeText),
    Column("InvoiceNumber", Unicode(100)),
    schema=SCHEMA,
)
AT = datetime(2026, 11, 1, 12, 0)


def request(name: str, call_id: str) -> ClaimRequest:
    return ClaimRequest("NT047", name * 64, "1", "Gemini", "m", "", call_id, 60)


def row(name: str, state: str, result: str | None = None) -> dict[str, object]:
    claim = request(name, f"call-{name}")
    return {
        "ClaimKey": claim.key,
        "CompanyID": claim.company_id,
        "DocumentSha256": claim.document_sha256,
        "PromptVersion": claim.prompt_version,
        "Provider": claim.provider,
        "Model": claim.model,
        "CallID": claim.call_id,
        "State": state,
        "LeaseUntil": AT,
        "FinishedAt": AT if result else None,
        "Status": "ok" if result else None,
        "Result": result,
        "InvoiceNumber": "Zürich ✓" if result else None,
    }


@pytest.fixture
def old_database(empty_database_url, make_settings):
    database = create_database(make_settings(empty_database_url))
    config = schema.alembic_config(database.dialect)
    with database.engine.connect().execution_options(**{WRITE_OPTION: True}) as connection, connection.begin():
        config.attributes["connection"] = connection
        if database.dialect != "sqlite":
            connection.exec_driver_sql(schema.create_schema(database.dialect))
        with schema.one_alembic_at_a_time:
            command.upgrade(config, "0014")
        rows = [row("a", "done", '{"a": 1}'), row("b", "running"), row("c", "running", '{"c": 1}'), row("d", "short")]
        connection.execute(insert(OLD), rows)
    yield database
    database.close()


@pytest.mark.filterwarnings("ignore:.*xpression.*")
def test_old_rows_become_readings_with_ids_and_claims_that_point_to_them(old_database):
    schema.upgrade(old_database)
    rows = {row.CallID: row for row in old_database.read(lambda c: c.execute(select(extractions)).all())}
    ids = [row.PublicID for row in rows.values()]
    assert all(map(is_reading_id, ids))
    assert len(set(ids)) == 4
    kept = {call: (row.State, row.Result, row.ErrorCode, row.InvoiceNumber) for call, row in rows.items()}
    assert kept == {
        "call-a": ("done", '{"a": 1}', None, "Zürich ✓"),
        "call-b": ("failed", None, "INTERNAL_ERROR", None),
        "call-c": ("done", '{"c": 1}', None, "Zürich ✓"),
        "call-d": ("failed", None, "QUOTA_EXCEEDED", None),
    }
    held = {row.CallID: row for row in old_database.read(lambda c: c.execute(select(claims)).all())}
    assert {call: row.State for call, row in held.items()} == {
        "call-a": "done",
        "call-b": "running",
        "call-c": "running",
        "call-d": "short",
    }
    assert {call: row.ReadingID for call, row in held.items()} == {
        "call-a": rows["call-a"].PublicID,
        "call-b": None,
        "call-c": rows["call-c"].PublicID,
        "call-d": None,
    }
    found = old_database.read(lambda c: claim_store.find_claim(c, request("a", "call-a").key))
    assert (found.result, found.reading_id) == ('{"a": 1}', rows["call-a"].PublicID)
    # Nobody kept whether the limit that was in the way resets by itself.
    assert json.loads(rows["call-b"].Error)["retryable"] is True
    assert "retryable" not in json.loads(rows["call-d"].Error)


#: statements of the step, from its first to its last
CUTS = (
    r"ALTER TABLE.*ErasedAt",
    r"DROP INDEX.*UX_Extractions_ClaimKey",
    r"CREATE TABLE.*IdempotencyKeys",
    r"UPDATE.*Extractions.*SET.*PublicID",
    r"INSERT INTO.*Claims.*SELECT",
    r"UPDATE.*Extractions.*QUOTA_EXCEEDED",
    r"UPDATE.*alembic_version",
)


class Cut(Exception):
    """The process ends here, as far as its database can tell."""


@pytest.mark.filterwarnings("ignore:.*xpression.*")
def test_an_upgrade_that_is_cut_anywhere_changes_nothing_and_is_made_whole_the_next_time(old_database):
    at = None if old_database.dialect == "sqlite" else SCHEMA

    def everything():
        found = inspect(old_database.engine)
        indexes = sorted(index["name"] for index in found.get_indexes("Extractions", schema=at))
        columns = [column["name"] for column in found.get_columns("Extractions", schema=at)]
        rows = old_database.read(lambda c: [tuple(row) for row in c.execute(select(OLD).order_by(OLD.c.CallID))])
        return sorted(found.get_table_names(schema=at)), indexes, columns, rows

    before = everything()
    for cut in CUTS:

        def end(_connection, _cursor, statement, *_, cut=cut):
            if re.search(cut, statement, re.DOTALL):
                raise Cut

        event.listen(old_database.engine, "before_cursor_execute", end)
        with pytest.raises(Cut):
            schema.upgrade(old_database)
        event.remove(old_database.engine, "before_cursor_execute", end)
        assert (schema.current(old_database), everything()) == ("0014", before), cut
    for _ in range(2):
        schema.upgrade(old_database)
        readings_made = old_database.read(lambda c: c.execute(select(extractions.c.PublicID)).scalars().all())
        claims_made = old_database.read(lambda c: c.execute(select(claims.c.ClaimKey)).scalars().all())
        assert (len(set(readings_made)), len(claims_made), len(set(claims_made))) == (4, 4, 4)


@pytest.mark.filterwarnings("ignore:.*xpression.*")
def test_a_booking_that_waits_in_the_outbox_during_the_upgrade_brings_its_result(old_database):
    schema.upgrade(old_database)
    late = Finished("ok", '{"late": 1}')
    for name in ("b", "c"):
        claim = request(name, f"call-{name}")
        for _ in range(2):  # a message may be replayed twice
            old_database.run(lambda c, claim=claim: claim_store.finish_claim(c, claim.key, claim.call_id, late))
        found = old_database.read(lambda c, claim=claim: claim_store.find_claim(c, claim.key))
        assert (found.state, found.result) == ("done", '{"late": 1}')
        reading = old_database.read(lambda c, found=found: readings.find_reading(c, found.reading_id))
        assert (reading.state, reading.error_code, reading.result) == ("done", None, '{"late": 1}')
    # The reading before stands as it was.
    assert len(old_database.read(lambda c: c.execute(select(extractions)).all())) == 5
