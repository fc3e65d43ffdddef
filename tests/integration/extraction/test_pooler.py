"""PostgreSQL behind a pooler in transaction mode: calls are booked as without, and no session keeps anything."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import make_url, text

from shared_code.database import tables
from shared_code.database.connection import create_database
from tests.integration.database.pooler import TransactionPooler

SESSIONS = 3


@pytest.fixture
def direct_url(postgresql_server, _postgresql_template):
    from tests.conftest import _fresh_postgresql

    yield from _fresh_postgresql(postgresql_server, _postgresql_template)


@pytest.fixture
def pooler(direct_url):
    url = make_url(direct_url)
    pooler = TransactionPooler(
        f"{url.query['host']}/.s.PGSQL.5432", user="postgres", database=url.database, sessions=SESSIONS
    )
    yield pooler
    pooler.close()


@pytest.fixture(params=["pooler"])
def database_url(direct_url, pooler):
    return f"postgresql://postgres@127.0.0.1:{pooler.port}/{make_url(direct_url).database}"


def test_every_call_is_booked_and_no_session_keeps_anything(pipeline, pooler, direct_url, make_settings):
    pipeline.add_key(limit=10**9)
    pipeline.set_quota("company", daily=10**9, monthly=10**9)
    pipeline.set_quota("user", "bzumah", daily=10**9)
    with ThreadPoolExecutor(8) as callers:
        outcomes = list(callers.map(lambda _: pipeline.extract(), range(32)))
    assert len(outcomes) == 32
    billed = [call["usage"]["totalTokenCount"] for call in pipeline.gemini.calls()]
    assert Counter(row.TotalTokensUsed for row in pipeline.rows()) == Counter(billed)
    assert pipeline.rows(tables.token_reservations) == []
    assert pooler.refused == []
    database = create_database(make_settings(pipeline.services.settings.database_url.get_secret_value()))
    for _ in range(SESSIONS):
        left = database.read(lambda connection: connection.execute(text(STATE)).one())
        assert tuple(left) == (0, 0, "0", "0", "off")
    database.close()


#: what a client could leave behind for the next
STATE = (
    "SELECT (SELECT count(*) FROM pg_prepared_statements), "
    "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), current_setting('lock_timeout'), "
    "current_setting('statement_timeout'), current_setting('default_transaction_read_only')"
)
