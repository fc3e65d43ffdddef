"""The main job over HTTP on each database: same answers, same rows; companies are one in any case."""

import pytest
from sqlalchemy import create_engine, select

from devstack.setup.ports import free_ports
from shared_code.database import tables

from .calling import SAMPLES, control, extract, request, unique


@pytest.fixture
def on_database(start_stack, empty_database_url):
    """A stack on an empty database, with an engine that looks into it."""
    running = start_stack("--port", free_ports(1)[0], "--database", empty_database_url)
    ready = running.wait_until_ready()
    engine = create_engine(empty_database_url)
    if engine.dialect.name == "sqlite":
        engine = engine.execution_options(schema_translate_map={tables.SCHEMA: None})
    yield ready, engine
    engine.dispose()
    assert running.end() == 0, running.console


def test_the_main_job_runs_and_books_the_same_rows(on_database):
    ready, engine = on_database
    answer = extract(ready["host"], unique(SAMPLES / "gst-invoice.pdf"), username="Zoë 日本", branch="RUB")
    assert answer.status == 200, answer.raw
    again = extract(ready["host"], unique(SAMPLES / "ghana-vat-invoice.pdf"), companyID="nt047")
    assert again.status == 200, again.raw
    for company in ("日本é", "??é"):
        assert extract(ready["host"], b"%PDF-", companyID=company).code == "INVALID_REQUEST"
    calls = [call["usage"] for call in control(ready["gemini"], "calls")["calls"]]
    with engine.connect() as connection:
        booked = connection.execute(select(tables.token_usage_logs).order_by(tables.token_usage_logs.c.UsageID)).all()
        summary = connection.execute(select(tables.token_usage_summary)).one()
        reserved = connection.execute(select(tables.token_reservations)).all()
    assert [row.TotalTokensUsed for row in booked] == [usage["totalTokenCount"] for usage in calls]
    assert [row.CompanyID for row in booked] == ["NT047", "NT047"]
    assert booked[0].RequestedBy == "Zoë 日本"
    assert summary.TotalUsedTokens == sum(row.TotalTokensUsed for row in booked)
    assert summary.TotalRemainingTokens == 1_000_000 - summary.TotalUsedTokens
    assert summary.ReservedTokens == 0
    assert reserved == []
    assert request(f"{ready['host']}/api/health/ready").status == 200
