"""Keys, limits and use of a year: a part of :mod:`bench.console_rows`."""

import hashlib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from shared_code.database.key_cipher import KeyCipher

KEYS, COMPANIES, DAYS = 1_000, 400, 365
USES = 1_000_000
#: the newest of them, which the timer has not summed yet
FRESH = 3_000

_MODELS = ("gemini-3.5-flash-lite", "gemini-3.5-flash", "gpt-6-mini")
_SOURCES = ("http", "http", "http", "blob")
_TOKENS, _INPUT, _OUTPUT, _COST = 3_400, 2_500, 900, 0.00109216


def company(number: int) -> str:
    """The id of a company; each has two or three keys."""
    return f"C{number % COMPANIES:03}"


def digest(*parts: object) -> str:
    """A digest of some parts, as columns hold them."""
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()


def call_of(number: int) -> str:
    """The id of a call."""
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def key_of_use(number: int) -> int:
    """The key of a row of use."""
    return 1 + number % KEYS


def company_of_key(token_id: int) -> str:
    """Whose key it is."""
    return company(token_id - 1)


def moment_of(now: datetime, number: int, of: int) -> datetime:
    """When the ``number``-th of so many rows of a year was written; the last one a moment ago."""
    return now - timedelta(seconds=(of - number) * DAYS * 86_400 // of)


def labels(number: int) -> tuple[str, str, str, str]:
    """Branch, user, model and way in of a row of use."""
    turn = number // KEYS
    return (
        f"branch-{turn % 3}",
        f"user-{turn % 11}",
        _MODELS[number % 7 % len(_MODELS)],
        _SOURCES[turn % len(_SOURCES)],
    )


def keys(cipher: KeyCipher, now: datetime) -> Iterator[tuple[Any, ...]]:
    """TokenMaster."""
    for number in range(1, KEYS + 1):
        owner, hint = company_of_key(number), f"{number:04}"
        status = "Blocked" if number % 50 == 0 else "Active"
        # Some are near their end, for the overview's list.
        limit = (USES // KEYS) * _TOKENS * (21 if number % 20 == 0 else 40) // 20
        made = now - timedelta(days=DAYS + 5)
        closed = cipher.encrypt(f"AIzaBench{number:030}", number)
        provider = "OpenAI" if number % 3 == 0 else "Gemini"
        yield number, owner, f"Company {owner}", closed, provider, limit, status, made, hint, digest("key", number)


def summaries(now: datetime) -> Iterator[tuple[Any, ...]]:
    """TokenUsageSummary."""
    used = (USES // KEYS) * _TOKENS
    for number in range(1, KEYS + 1):
        limit = used * (21 if number % 20 == 0 else 40) // 20
        yield number, used, limit - used, 3000, now, 0, 0


def company_rules() -> Iterator[tuple[Any, ...]]:
    """CompanySettings."""
    for number in range(COMPANIES):
        yield company(number), "Asia/Kolkata" if number % 2 else "Africa/Accra", "needs_review"


def limits(now: datetime) -> Iterator[tuple[Any, ...]]:
    """Quotas."""
    for number in range(COMPANIES):
        yield number + 1, company(number), "company", "", 5_000_000, now


def counters(now: datetime) -> Iterator[tuple[Any, ...]]:
    """QuotaCounters."""
    for number in range(COMPANIES):
        yield number + 1, f"{now:%Y-%m}", 5_000_000, 700_000, 0


def _day_of_use(last: date, number: int) -> date:
    return last - timedelta(days=(USES - 1 - number) * DAYS // USES)


def daily(last: date) -> Iterator[tuple[Any, ...]]:
    """UsageDaily, as the timer would have it."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    day = _day_of_use(last, 0)
    for number in range(USES - FRESH + 1):
        this = _day_of_use(last, number)
        if this != day or number == USES - FRESH:
            for key, (calls, errors) in sums.items():
                amounts = (calls * _INPUT, calls * _OUTPUT, 0, 0, calls * _TOKENS, round(calls * _COST, 8), 0)
                yield day, *key, calls, errors, 0, *amounts
            sums, day = {}, this
        if number == USES - FRESH:
            return
        token_id = key_of_use(number)
        found = sums.setdefault((token_id, company_of_key(token_id), *labels(number)), [0, 0])
        found[0] += 1
        found[1] += number % 50 == 0


def uses(now: datetime) -> Iterator[tuple[Any, ...]]:
    """TokenUsageLogs."""
    last = now.date()
    for number in range(USES):
        token_id, (branch, user, model, source) = key_of_use(number), labels(number)
        at = moment_of(now, number, USES)
        call, outcome = call_of(number), "failed" if number % 50 == 0 else "ok"
        yield (
            *(number + 1, token_id, branch, user, _INPUT, _OUTPUT, _TOKENS, 1, at, call, 1, "usage", call[:24]),
            *(
                company_of_key(token_id),
                _day_of_use(last, number),
                model,
                _COST,
                900 + number % 4_000,
                source,
                outcome,
            ),
            None if number >= USES - FRESH else at + timedelta(minutes=5),
        )
