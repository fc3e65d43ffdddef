"""What the driver of Azure SQL declares: one text per statement, whatever the names, numbers and amounts are."""

import re
from collections import defaultdict
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import insert, select

from shared_code.bootstrap import build_services
from shared_code.database import tables
from shared_code.database.stores.operations.logs import LogEntry, insert_logs
from shared_code.records import Caller
from shared_code.rollup.run import run_rollup
from tests.integration.admin.conftest import Api
from tests.integration.extraction.conftest import RING, Pipeline

#: two companies, users and branches that have no length in common
SHORT = Caller("A", "b", "c")
LONG = Caller(
    "A-COMPANY-WITH-A-NAME-OF-FORTY-CHARACTER", "somebody.with.a.long.name@example.com", "North-Eastern branch"
)


@pytest.fixture
def services(mssql_standin, gemini, openai, make_settings, pauses):
    settings = make_settings(
        mssql_standin.url(),
        gemini_base_url=gemini.url,
        openai_base_url=f"{openai.url}/v1",
        token_encryption_keys=RING,
    )
    made = build_services(settings, monotonic=pauses, sleep=pauses.sleep)
    yield made.ready()
    made.close()


@contextmanager
def declared(server):
    """Gives a dict that is filled at the end of the block: statement -> the declarations that came with it."""
    found = defaultdict(set)
    start = len(server.log())
    yield found
    for entry in server.log(start):
        _session, how, sql, _values = entry
        if how != "batch":
            found[f"{how} {sql}" if how == "describe" else re.sub(r"\s+", " ", sql)].add(entry.declared)


def work_of(services, gemini, caller, factor):
    """An upload with three quotas, the timer, and what an operator looks at."""
    pipeline, api = Pipeline(services, gemini), Api(services)
    company = caller.company_id
    key = pipeline.add_key(company=company, limit=factor * 100_000_000)
    for scope, subject in (("company", None), ("branch", caller.branch), ("user", caller.username)):
        body = {"company_id": company, "scope": scope, "daily_limit": factor * 1_000_000}
        api.post("quotas", body | ({"subject": subject} if subject else {}))
    pipeline.extract(caller=caller)
    run_rollup(services.rollup)
    for path in (
        f"tokens?company_id={company}",
        f"tokens/{key.token_id}",
        f"quotas?company_id={company}",
        f"usage?group_by=day&group_by=user&company_id={company}",
        f"extractions?company_id={company}",
        f"retries?company_id={company}",
        f"logs?contains={company}",
    ):
        assert api.get(path).status == 200, path


def test_two_companies_share_each_statement_and_its_plan(services, gemini, mssql_standin):
    work_of(services, gemini, Caller("WARM", "up", "first"), 3)
    with declared(mssql_standin) as first:
        work_of(services, gemini, SHORT, 1)
    with declared(mssql_standin) as second:
        work_of(services, gemini, LONG, 12_345)
    shared = first.keys() & second.keys()
    for table in ("Extractions", "TokenReservations", "TokenUsageLogs", "UsageDaily", "AdminAudit"):
        assert any(sql.startswith(f"INSERT INTO [docUpload].[{table}]") for sql in shared), table
    assert {sql: first[sql] | second[sql] for sql in shared if len(first[sql] | second[sql]) > 1} == {}
    # An absent value has its type too: the driver does not ask for it.
    assert [sql for sql in first.keys() | second.keys() if sql.startswith("describe")] == []


EDGES = {
    "Branch": ["", "North", "é" * 50, "😀" * 25, None],
    "RequestedBy": ["a", "日本" * 50, None],
    "TotalTokensUsed": [0, -1, 2_147_483_647, None],
    "CallID": ["x" * 36, None],
    "LocalDay": [date(2026, 2, 28), date.min.replace(year=1000), None],
    "LoggedAt": [datetime(2026, 11, 28, 23, 59, 59, 990000), None],
    "FoldedAt": [datetime(2026, 11, 28, 23, 59, 59, 999999), datetime(2026, 1, 1), None],
    "CostUSD": [Decimal("0.00000001"), Decimal("1234567.99"), Decimal("-1.5"), Decimal(3), None],
}


@pytest.mark.parametrize("name", EDGES)
def test_values_come_back_as_they_went(database, name):
    column = tables.token_usage_logs.c[name]
    values = EDGES[name]
    for value in values:
        new = insert(tables.token_usage_logs).values({name: value})
        database.run(lambda c, new=new: c.execute(new))
    query = select(column).order_by(tables.token_usage_logs.c.UsageID)
    assert database.read(lambda c: c.execute(query).scalars().all()) == values
    for value in values[:-1]:
        found = database.read(lambda c, value=value: c.execute(select(column).where(column == value)).scalars().all())
        assert value in found
    assert database.read(lambda c: c.execute(select(column).where(column.in_(values[:-1]))).scalars().all())


@pytest.mark.parametrize("value", ["x" * 37, "x" * 9000, "é" * 5000, "😀" * 60])
def test_a_text_longer_than_its_column_is_found_nowhere_and_is_no_error(database, value):
    usage = tables.token_usage_logs
    for column in (usage.c.CallID, usage.c.Branch, tables.application_logs.c.Message):
        query = select(column).where(column == value)
        assert database.read(lambda c, query=query: c.execute(query).scalars().all()) == []


@pytest.mark.parametrize("value", ["\ufeff", "\u200b", "\ufeff\ufeff", "é", "日本", "x\u200b"])
def test_a_text_that_no_code_page_has_is_found_nowhere_and_is_no_error(database, value):
    usage = tables.token_usage_logs
    database.run(lambda c: c.execute(insert(usage).values(CallID="x", Branch=value)))
    found = {
        column: database.read(lambda c, column=column: c.execute(select(column).where(column == value)).scalars().all())
        for column in (usage.c.CallID, usage.c.Branch)
    }
    assert found == {usage.c.CallID: [], usage.c.Branch: [value]}


@pytest.mark.parametrize("database_url", ["mssql"], indirect=True)
def test_numbers_beyond_a_column_are_found_nowhere_and_are_no_error(database):
    usage = tables.token_usage_logs
    for column, value in (
        (usage.c.UsageID, 2**53),
        (usage.c.CostUSD, Decimal("12345678901234.5")),
        (usage.c.CostUSD, Decimal("0.000000001")),
    ):
        query = select(usage.c.UsageID).where(column == value)
        assert database.read(lambda c, query=query: c.execute(query).scalars().all()) == []


def test_log_batches_of_any_size_make_few_statements(database, statements):
    for size in (*range(1, 12), 63, 150, 333):
        database.run(
            lambda c, size=size: insert_logs(
                c, [LogEntry(datetime(2026, 11, 1), "INFO", "api", str(number)) for number in range(size)]
            )
        )
    texts = {text for text in statements if text.startswith("INSERT")}
    assert len(texts) <= 8
    messages = select(tables.application_logs.c.Message).order_by(tables.application_logs.c.LogID)
    found = database.read(lambda c: c.execute(messages).scalars().all())
    assert found[-333:] == [str(number) for number in range(333)]
    assert len(found) == sum(range(12)) + 63 + 150 + 333
