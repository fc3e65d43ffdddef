"""A year of usage: so many calls a day, with weekends, growth and errors; all but the last days as sums only.

The last days are single calls, which the service's own fold sums up. Costs are those of the price list that calls are
booked by.
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from shared_code.database.stores.demo.many_rows import insert_rows
from shared_code.database.stores.usage.usage_rows import add_to_summary
from shared_code.database.tables import token_usage_logs, usage_daily
from shared_code.demo.companies import COMPANIES, Company
from shared_code.demo.keys import KEYS, DemoKey, TokenIds
from shared_code.metering.call_costs import cost_usd
from shared_code.periods import local_day
from shared_code.records import Provider, Source, Usage

if TYPE_CHECKING:
    from sqlalchemy import Connection

DAYS = 365
#: the last days, which are kept call by call
_SINGLE_DAYS = 7
_SATURDAY = 5
_WEEKEND = (0.24, 0.08)
#: of all documents: those that are dropped as files, and those that are read without a model
_DROPPED, _XML = 0.4, 0.14
_FAILED = 0.015
_TOKENS_IN, _TOKENS_OUT = (3_600, 5_200), (780, 1_500)
_EIGHT_PLACES = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Call:
    """One call, or a document that was read without one; then ``key`` is None."""

    company: Company
    key: DemoKey | None
    day: date
    at: datetime
    user: str
    branch: str
    source: Source
    outcome: str
    tokens_in: int
    tokens_out: int
    duration_ms: int | None

    @property
    def model(self) -> str:
        """Which model was asked; '' for none."""
        return self.key.model if self.key else ""

    @property
    def cost(self) -> Decimal:
        """In dollars."""
        if self.key is None:
            return Decimal(0)
        dear_in, dear_out = _prices(self.key.provider, self.key.model)
        return (dear_in * self.tokens_in + dear_out * self.tokens_out).quantize(_EIGHT_PLACES)

    @property
    def place(self) -> tuple[Any, ...]:
        """What its row of UsageDaily is found by."""
        return (self.day, self.company.company_id, self.key, self.branch, self.user, self.model, self.source)


@cache
def _prices(provider: Provider, model: str) -> tuple[Decimal, Decimal]:
    """Dollars of one model token in and out, by a price list that does not change while the demo is made."""
    many, when = 100_000, datetime(2026, 11, 1, tzinfo=UTC)
    read = cost_usd(Usage(many, 0), provider=provider, model=model, when=when) or Decimal(0)
    said = cost_usd(Usage(0, many), provider=provider, model=model, when=when) or Decimal(0)
    return read / many, said / many


def calls(now: datetime, seed: int) -> list[Call]:
    """Every call of the year up to a moment (aware, UTC), the oldest first."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    made = [call for company in COMPANIES for call in _of_company(company, now, chance)]
    return sorted(made, key=lambda call: call.at)


def _of_company(company: Company, now: datetime, chance: random.Random) -> Iterator[Call]:
    clock = ZoneInfo(company.zone)
    today = local_day(now, clock)
    for days_ago in range(DAYS, -1, -1):
        keys = [key for key in KEYS if key.company_id == company.company_id and key.since >= days_ago > key.until - 1]
        if not keys:
            continue
        day = today - timedelta(days=days_ago)
        for _ in range(_documents_on(company, day, days_ago, chance)):
            minutes = min(max(int(chance.gauss(12.5 * 60, 150)), 6 * 60), 21 * 60)
            moment = datetime.combine(day, time(minutes // 60, minutes % 60, chance.randrange(60)), clock)
            if moment < now:
                yield _call(company, keys, day, moment.astimezone(UTC), chance)


def _documents_on(company: Company, day: date, days_ago: int, chance: random.Random) -> int:
    before, now = company.per_day
    usual = before + (now - before) * (DAYS - days_ago) / DAYS
    if day.weekday() >= _SATURDAY:
        usual *= _WEEKEND[day.weekday() - _SATURDAY]
    month_end = 1.25 if day.day >= 27 else 1.0  # noqa: PLR2004 - invoices come at the end of a month
    return max(0, round(usual * month_end * chance.gauss(1, 0.13)))


def _call(company: Company, keys: Sequence[DemoKey], day: date, at: datetime, chance: random.Random) -> Call:
    number = chance.randrange(len(company.users))
    user, branch = company.users[number], company.branches[number % len(company.branches)]
    source = Source.BLOB if chance.random() < _DROPPED else Source.HTTP
    if chance.random() < _XML:
        return Call(company, None, day, at, user, branch, source, "embedded_xml", 0, 0, None)
    key = chance.choices(keys, [key.share for key in keys])[0]
    failed = chance.random() < _FAILED
    took = chance.lognormvariate(7.65 if key.provider is Provider.GEMINI else 8.35, 0.38)
    return Call(
        company,
        key,
        day,
        at,
        user,
        branch,
        source,
        chance.choice(("refused", "truncated", "bad_answer")) if failed else "ok",
        chance.randint(*_TOKENS_IN),
        chance.randint(*_TOKENS_OUT),
        round(took),
    )


def used_by(made: Sequence[Call], key: DemoKey) -> tuple[int, float]:
    """Model tokens that a key has used in all, and a day in the last two weeks."""
    own = [call for call in made if call.key is key]
    newest = max((call.day for call in made), default=date.min)
    pace = sum(call.tokens_in + call.tokens_out for call in own if call.day > newest - timedelta(days=14))
    return sum(call.tokens_in + call.tokens_out for call in own), pace / 14


def write(connection: "Connection", made: Sequence[Call], ids: TokenIds, now: datetime) -> None:
    """Store the year: sums of the days that are past, single calls of the last ones, and the keys' totals."""
    single = (now - timedelta(days=_SINGLE_DAYS)).date()
    summed: dict[tuple[Any, ...], list[Call]] = {}
    for call in made:
        if call.day < single:
            summed.setdefault(call.place, []).append(call)
    insert_rows(connection, usage_daily, [_daily(group, ids) for group in summed.values()])
    insert_rows(
        connection, token_usage_logs, [_single(call, n, ids) for n, call in enumerate(made) if call.day >= single]
    )
    for key, token_id in ids.items():
        add_to_summary(connection, token_id, used=used_by(made, key)[0])


def _daily(group: Sequence[Call], ids: TokenIds) -> dict[str, Any]:
    first = group[0]
    read, said = sum(call.tokens_in for call in group), sum(call.tokens_out for call in group)
    return {
        **_labels(first),
        "LocalDay": first.day,
        "TokenID": ids[first.key] if first.key else 0,
        "Requests": len(group),
        "Errors": sum(call.outcome not in {"ok", "embedded_xml"} for call in group),
        "Unmeasured": 0,
        "InputTokens": read,
        "OutputTokens": said,
        "ThoughtsTokens": 0,
        "CachedTokens": 0,
        "TotalTokens": read + said,
        "CostUSD": sum((call.cost for call in group), Decimal(0)),
        "Unpriced": 0,
    }


def _single(call: Call, number: int, ids: TokenIds) -> dict[str, Any]:
    return {
        **_labels(call),
        "LocalDay": call.day,
        "TokenID": ids[call.key] if call.key else None,
        "Model": call.model or None,
        "InputTokens": call.tokens_in,
        "OutputTokens": call.tokens_out,
        "TotalTokensUsed": call.tokens_in + call.tokens_out,
        "RequestCount": 1 if call.key else 0,
        "LoggedAt": call.at.replace(tzinfo=None, microsecond=0),
        "CallID": str(uuid.uuid5(uuid.NAMESPACE_OID, f"demo call {number}")),
        "Attempt": 1,
        "Kind": "usage",
        "CostUSD": call.cost,
        "DurationMs": call.duration_ms,
        "Outcome": call.outcome,
    }


def _labels(call: Call) -> dict[str, Any]:
    return {
        "CompanyID": call.company.company_id,
        "Branch": call.branch,
        "RequestedBy": call.user,
        "Model": call.model,
        "Source": call.source.value,
    }
