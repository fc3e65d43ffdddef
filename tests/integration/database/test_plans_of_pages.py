"""What the pages of the console ask is found in indexes, on SQLite and PostgreSQL: no scan, and few statements.

PostgreSQL is told to avoid scans and sorts where it can, because on tables this small it would prefer them. Which index
it takes then depends on what it last learnt of the empty table, so SQLite shows which one.
"""

import re
from dataclasses import fields
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import event, text

from shared_code.bootstrap import build_services
from shared_code.database.stores.extractions.extraction_lists import ExtractionFilter, find_extractions
from shared_code.database.stores.keys import tokens
from shared_code.database.stores.keys.tokens import StoredKey
from shared_code.database.stores.operations.admin_audit import AuditFilter, find_audit
from shared_code.database.stores.operations.logs import LogFilter, find_logs
from shared_code.database.stores.operations.retries import RetryFilter, find_retries
from shared_code.database.stores.reviews import review_lists
from shared_code.database.stores.reviews.review_lists import ReviewFilter
from shared_code.database.stores.usage import usage_charts, usage_sums
from shared_code.database.stores.usage.usage_reports import GroupBy, UsageFilter, usage_lines
from shared_code.metering.forecast import key_run_out_days

_KEY = {field.name: None for field in fields(StoredKey)} | {"has_summary": False, "reserved_tokens": 0}
FIRST, LAST = date(2026, 10, 22), date(2026, 11, 21)
ALL, ONE = UsageFilter(FIRST, LAST), UsageFilter(FIRST, LAST, company_id="NT047")


def extractions(**wanted):
    return lambda connection: find_extractions(connection, ExtractionFilter(**wanted), limit=50)


def reviews(order="oldest", **wanted):
    return lambda connection: review_lists.find_reviews(connection, ReviewFilter(**wanted), order=order, limit=50)


ASKED = {
    "charts, all": (lambda c: usage_charts.use_by_day(c, ALL), "IX_UsageDaily_Charts"),
    "charts, companies": (
        lambda c: usage_charts.largest_users(c, ALL, GroupBy.COMPANY, most=7),
        "IX_UsageDaily_Charts",
    ),
    "charts, models": (lambda c: usage_charts.largest_users(c, ALL, GroupBy.MODEL, most=7), "IX_UsageDaily_Charts"),
    "report by company": (lambda c: usage_lines(c, ALL, group_by=[GroupBy.COMPANY]), "IX_UsageDaily_Charts"),
    "charts, one company": (lambda c: usage_charts.use_by_day(c, ONE), "IX_UsageDaily_(Company|Charts)"),
    "pace of keys": (
        lambda c: usage_sums.use_since_first_day(c, first=FIRST, last=LAST, token_ids=[1, 2]),
        "IX_UsageDaily_TokenID",
    ),
    "keys": (lambda c: tokens.list_tokens(c, limit=50), "IX_CompanySettings_CompanyID"),
    "readings of a company": (extractions(company_id="NT047"), "IX_Extractions_Company"),
    "readings by number": (extractions(invoice_number="INV-1"), "IX_Extractions_InvoiceNumber"),
    "readings by run": (extractions(call_id="x"), "IX_Extractions_CallID"),
    "readings by request": (extractions(request_id="x"), "IX_TokenUsageLogs_RequestID"),
    "log of a run": (lambda c: find_logs(c, LogFilter(call_id="x"), limit=50), "IX_ApplicationLogs_CallID"),
    "attempts of a run": (lambda c: find_retries(c, RetryFilter(call_id="x"), limit=50), "IX_RetryAttempts_CallID"),
    "audit of a request": (
        lambda c: find_audit(c, AuditFilter(request_id="x"), limit=50),
        "IX_AdminAudit_RequestID",
    ),
    "reviews": (reviews(), "IX_Reviews_Queue"),
    "reviews of a company": (reviews(company_id="NT047", order="newest"), "IX_Reviews_Company"),
    "reviews by reason": (reviews(reason="everything"), "IX_Reviews_Reason"),
    "reviews by amount": (reviews(order="amount"), "IX_Reviews_Amount"),
    "reviews of a company by amount": (reviews(order="amount", company_id="NT047"), "IX_Reviews_CompanyAmount"),
    "reviews by reason and amount": (reviews(order="amount", reason="everything"), "IX_Reviews_ReasonAmount"),
}
#: a whole table is gone through, but for keys, of which there are few, and rows that wait for the timer
SCANS = re.compile(
    r"SCAN main\.(?!TokenMaster|TokenUsageLogs USING INDEX IX_TokenUsageLogs_Unfolded)\w+"
    r"|Seq Scan on \"(?!TokenMaster|TokenUsageSummary)\w+|Seq Scan on (?!\")\w+"
)


@pytest.fixture
def plans(database):
    """Runs something, and gives the plans of what it asked the database."""
    if database.dialect == "mssql":
        pytest.skip("the stand-in shows no plans")
    asked = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if not statement.startswith(("EXPLAIN", "SET")):
            asked.append((statement, parameters))

    def run(work):
        asked.clear()
        with database.transaction() as connection:
            event.listen(connection, "before_cursor_execute", note)
            work(connection)
            explain = "EXPLAIN QUERY PLAN " if database.dialect == "sqlite" else "EXPLAIN "
            if database.dialect == "postgresql":
                for way in ("seqscan", "bitmapscan", "sort"):
                    connection.execute(text(f"SET LOCAL enable_{way} = off"))
            return [
                "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + sql, values))
                for sql, values in asked
            ]

    return run


@pytest.mark.parametrize("what", ASKED)
def test_lists_and_charts_are_found_in_an_index(plans, database, what):
    work, index = ASKED[what]
    found = plans(work)
    assert database.dialect == "postgresql" or any(re.search(index, plan) for plan in found), found
    for plan in found:
        assert not SCANS.search(plan), plan


def test_sums_over_all_companies_look_at_no_row(plans, database):
    def work(connection):
        usage_charts.use_by_day(connection, ALL)
        usage_charts.largest_users(connection, ALL, GroupBy.COMPANY, most=7)
        usage_lines(connection, ALL, group_by=[GroupBy.COMPANY])

    found = plans(work)
    assert len(found) == 3
    for plan in found:
        assert database.dialect == "postgresql" or "COVERING INDEX IX_UsageDaily_Charts" in plan, plan
        assert not SCANS.search(plan), plan


def test_forecasts_take_a_statement_for_each_day_that_it_is_somewhere(plans):
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    zones = [None, "UTC", "Pacific/Auckland", "Asia/Kolkata", "Pacific/Auckland"]
    keys = [StoredKey(**(_KEY | {"token_id": n, "time_zone": name})) for n, name in enumerate(zones)]
    assert len(plans(lambda connection: key_run_out_days(connection, keys, now=noon, default_zone="UTC"))) == 2


@pytest.mark.parametrize(("path", "most"), [("overview", 7), ("overview/charts", 5), ("tokens?limit=50", 4)])
def test_a_page_asks_few_statements_however_much_there_is(database_url, make_settings, path, most):
    """Of them three look who asks."""
    from tests.integration.admin.conftest import Api

    services = build_services(make_settings(database_url, token_encryption_keys="test:" + "A" * 43 + "="))
    services.webhooks.thread.close()
    try:
        api = Api(services)
        for _ in range(30):
            api.add(total_token_limit=1_000_000)
        assert api.get(path).status == 200
        asked = []
        event.listen(services.database.engine, "before_cursor_execute", lambda *facts: asked.append(facts[2]))
        assert api.get(path).status == 200
        assert len([one for one in asked if one.lstrip().startswith(("SELECT", "WITH"))]) <= most, asked
    finally:
        services.close()
