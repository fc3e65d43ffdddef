import csv
import io
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import insert, update

from shared_code.database import tables
from shared_code.database.stores.operations import company_zones
from shared_code.database.stores.usage import usage_rows
from shared_code.records import Caller, CallIdentity, Source, Usage, UsageKind, UsageRow

_CALLER = Caller("NT047", "bzumah", "RUB")


@pytest.fixture
def book(api):
    """Books one call."""

    def run(**values):
        row = UsageRow(
            **{
                "identity": CallIdentity(str(uuid.uuid4()), values.pop("caller", _CALLER), Source.HTTP),
                "attempt": 1,
                "kind": UsageKind.USAGE,
                "token_id": None,
                "usage": Usage(input_tokens=100, output_tokens=20, total_tokens=120),
                "local_day": date(2026, 11, 20),
                "model": "gemini-3.5-flash-lite",
                "outcome": "ok",
                "cost_usd": Decimal("0.00012345"),
                **values,
            }
        )
        api.services.database.run(lambda connection: usage_rows.insert_usage(connection, row))

    return run


RANGE = "from=2026-11-01&to=2026-11-30"


def test_lines_are_right_before_and_after_the_fold(api, book):
    book()
    book(usage=Usage(input_tokens=50, output_tokens=5, total_tokens=60, thoughts_tokens=5, cached_tokens=7))
    book(local_day=date(2026, 11, 21), outcome="unavailable", cost_usd=None, usage=Usage())
    book(caller=Caller("OTHER"), cost_usd=Decimal("0.1"))
    before = api.get(f"usage?{RANGE}&group_by=day,company")
    assert before.status == 200
    first, other, failed = before.data["items"]
    assert (first["day"], first["company_id"], first["requests"], first["total_tokens"]) == (
        "2026-11-20",
        "NT047",
        2,
        180,
    )
    assert (first["cost_usd"], first["thoughts_tokens"], first["cached_tokens"]) == ("0.00024690", 5, 7)
    assert (first["branch"], first["user"], first["token_id"], first["model"]) == (None, None, None, None)
    assert (other["company_id"], other["cost_usd"]) == ("OTHER", "0.10000000")
    assert (failed["errors"], failed["unpriced"], failed["total_tokens"]) == (1, 1, 0)
    folded_by_hand(api)
    assert api.get(f"usage?{RANGE}&group_by=day,company").data == before.data
    book(usage=Usage(total_tokens=1000))
    after = api.get(f"usage?{RANGE}&group_by=day&group_by=company").data["items"]
    assert (after[0]["requests"], after[0]["total_tokens"]) == (3, 1180)


def folded_by_hand(api):
    """All rows summed into UsageDaily, by plain arithmetic that owes nothing to the code under test."""
    logs, daily = tables.token_usage_logs, tables.usage_daily
    sums = {}
    for row in api.rows(logs):
        key = (
            row.LocalDay,
            row.TokenID or 0,
            row.CompanyID,
            row.Branch or "",
            row.RequestedBy or "",
            row.Model or "",
            row.Source,
        )
        line = sums.setdefault(
            key,
            dict.fromkeys(
                (
                    "Requests",
                    "Errors",
                    "Unmeasured",
                    "InputTokens",
                    "OutputTokens",
                    "ThoughtsTokens",
                    "CachedTokens",
                    "TotalTokens",
                    "Unpriced",
                ),
                0,
            )
            | {"CostUSD": Decimal(0)},
        )
        line["Requests"] += 1
        line["Errors"] += row.Outcome != "ok"
        line["Unpriced"] += row.CostUSD is None
        line["CostUSD"] += Decimal(str(row.CostUSD or 0))
        line["TotalTokens"] += row.TotalTokensUsed or 0
        for name in ("InputTokens", "OutputTokens", "ThoughtsTokens", "CachedTokens"):
            line[name] += getattr(row, name) or 0

    def work(connection):
        for key, line in sums.items():
            names = ("LocalDay", "TokenID", "CompanyID", "Branch", "RequestedBy", "Model", "Source")
            connection.execute(insert(daily).values(dict(zip(names, key, strict=True)) | line))
        connection.execute(update(logs).values(FoldedAt=datetime(2026, 11, 22)))

    api.services.database.run(work)


def test_groups_with_absent_parts(api, book):
    # The stand-in for Azure SQL knows no binary collation, by which labels differ in case.
    other = "SUB" if api.services.database.dialect == "mssql" else "rub"
    book(model="a")
    book(model="b", caller=Caller("NT047", "bzumah", other))
    book(model="b", caller=Caller("NT047"))
    for group, field, values in (
        ("branch", "branch", {None, "RUB", other}),
        ("user", "user", {None, "bzumah"}),
        ("model", "model", {"a", "b"}),
        ("company", "company_id", {"NT047"}),
        ("token", "token_id", {None}),
    ):
        items = api.get(f"usage?{RANGE}&group_by={group}").data["items"]
        assert {item[field] for item in items} == values
        assert len(items) == len(values)
        assert sum(item["requests"] for item in items) == 3


def test_a_cost_is_never_written_with_an_exponent(api, book):
    book(cost_usd=Decimal(0))
    book(local_day=date(2026, 11, 21), cost_usd=Decimal("0.0000002"))
    assert [item["cost_usd"] for item in api.get(f"usage?{RANGE}").data["items"]] == ["0.00000000", "0.00000020"]
    lines = list(csv.DictReader(io.StringIO(api.get(f"usage?{RANGE}&format=csv").text)))
    assert [line["cost_usd"] for line in lines] == ["0.00000000", "0.00000020"]


def test_filters(api, book):
    book()
    book(caller=Caller("NT047", "ama", "KUM"), model="other")
    book(caller=Caller("OTHER", "ama", "KUM"))
    for wanted, requests in (
        ("company_id=nt047", 2),
        ("branch=KUM", 2),
        ("user=ama&company_id=NT047", 1),
        ("model=other", 1),
        ("token_id=5", None),
        ("from=2026-11-21&to=2026-11-21", None),
    ):
        query = f"usage?{RANGE}&group_by=day&{wanted}" if "from" not in wanted else f"usage?{wanted}"
        items = api.get(query).data["items"]
        assert [item["requests"] for item in items] == ([] if requests is None else [requests]), wanted


def test_pages(api, book):
    for day in range(1, 6):
        book(local_day=date(2026, 11, day))
    page = api.get(f"usage?{RANGE}&limit=2").data
    assert [item["day"][-2:] for item in page["items"]] == ["01", "02"]
    page = api.get(f"usage?{RANGE}&limit=2&cursor={page['next_cursor']}").data
    assert [item["day"][-2:] for item in page["items"]] == ["03", "04"]
    page = api.get(f"usage?{RANGE}&limit=2&cursor={page['next_cursor']}").data
    assert ([item["day"][-2:] for item in page["items"]], page["next_cursor"]) == (["05"], None)


def test_the_range_is_in_the_company_s_own_days(make_api):
    api = make_api(services={"clock": lambda: datetime(2026, 11, 21, 20, 0, tzinfo=UTC)})
    api.services.database.run(lambda connection: company_zones.set_company_zone(connection, "NT047", "Asia/Kolkata"))
    assert api.get("usage?company_id=NT047").json["message"].endswith("to 2026-11-22")
    # Across companies it is the day that has begun anywhere.
    assert api.get("usage").json["message"] == "2026-10-23 to 2026-11-22"


@pytest.mark.parametrize("last", ["", "&to=2026-12-31"])
def test_a_start_in_the_future_is_refused_with_the_limit_and_the_value(make_api, last):
    api = make_api(services={"clock": lambda: datetime(2026, 11, 21, 20, 0, tzinfo=UTC)})
    api.services.database.run(lambda connection: company_zones.set_company_zone(connection, "NT047", "Asia/Kolkata"))
    assert api.get(f"usage?company_id=NT047&from=2026-11-22{last}").status == 200, "by the company's own day"
    answer = api.get(f"usage?company_id=NT047&from=2026-11-23{last}")
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    assert answer.json["message"] == "from is 2026-11-23, which is in the future; it must be at most 2026-11-22."
    assert answer.json["error"]["details"] == {"field": "from", "limit": "2026-11-22", "actual": "2026-11-23"}


def test_a_range_backwards_is_refused(api):
    assert api.get("usage?from=2026-11-02&to=2026-11-01").code == "INVALID_REQUEST"
    assert api.get("usage?group_by=planet").json["error"]["details"]["field"].startswith("group_by")
    assert api.get("usage?compny_id=NT047").json["error"]["details"]["field"] == "compny_id"
    assert api.get("usage?to=0001-01-05").status == 200
    assert api.get("usage?to=0").code == "INVALID_REQUEST"


def test_csv_has_no_formulas_and_is_whole(api, book):
    hostile = '=HYPERLINK("http://x";"y")'
    book(caller=Caller("NT047", hostile, "-1+1"))
    book(
        kind=UsageKind.CORRECTION, usage=Usage(input_tokens=-100, total_tokens=-120), caller=Caller("NT047", "@a", "b")
    )
    answer = api.get(f"usage?{RANGE}&group_by=user,branch&format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "usage-2026-11-01-2026-11-30.csv" in answer.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert {(line["user"], line["branch"]) for line in lines} == {(f"'{hostile}", "'-1+1"), ("'@a", "b")}
    assert {line["total_tokens"] for line in lines} == {"120", "-120"}
    assert list(lines[0])[:3] == ["user", "branch", "requests"]


def test_too_long_a_csv_is_refused_with_advice(api, book, monkeypatch):
    monkeypatch.setattr("shared_code.operations.usage_reports.MAX_LINES", 1)
    book()
    book(local_day=date(2026, 11, 2))
    answer = api.get(f"usage?{RANGE}&format=csv")
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    assert "fewer days" in answer.json["message"]
