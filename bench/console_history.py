"""Readings, reviews, and what was said and told of them in a year: a part of :mod:`bench.console_rows`."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from bench.console_use import (
    KEYS,
    USES,
    call_of,
    company,
    company_of_key,
    digest,
    key_of_use,
    labels,
    moment_of,
)

READINGS = 100_000
#: one of so many readings has a review
REVIEWED_EACH = 5
#: the newest reviews, which nobody has decided about
PENDING, POSTPONED = 2_000, 500
LOGS, ATTEMPTS, AUDITS, ALERTS, OPEN_ALERTS, MESSAGES = 200_000, 20_000, 20_000, 500, 20, 50_000

_REASONS = ("low_confidence", "sum_mismatch", "everything", "above_amount", "new_seller")


def reading_id(number: int) -> str:
    """The public id of a reading, from 1."""
    return f"ext_{number:032x}"


def _use_of_reading(number: int) -> int:
    """One of the ten around it; so that each key has readings."""
    return number * (USES // READINGS) - 1 - number // (KEYS // 10) % 10


def _company_of_reading(number: int) -> str:
    return company_of_key(key_of_use(_use_of_reading(number)))


def _state(number: int) -> str:
    left = READINGS // REVIEWED_EACH - number
    if left < PENDING:
        return "pending"
    if left < PENDING + POSTPONED:
        return "postponed"
    return ("confirmed", "confirmed", "corrected", "confirmed", "rejected")[number % 5]


def _reviewed() -> Iterator[tuple[int, int]]:
    """Number of a review and of its reading; the newest wait."""
    yield from enumerate(range(REVIEWED_EACH, READINGS + 1, REVIEWED_EACH), start=1)


def readings(now: datetime) -> Iterator[tuple[Any, ...]]:
    """Extractions."""
    invoice = {"invoice_number": "INV-1", "currency": "GHS", "total": "1180.00", "line_items": []}
    line = {"description": "Cement, bag of 50 kg", "quantity": "10", "unit_price": "100.00", "net_amount": "1000.00"}
    invoice["line_items"] = [line] * 6
    answers = {
        status: json.dumps({"status": status, "invoices": [invoice], "warnings": [], "confidence": []})
        for status in ("ok", "needs_review")
    }
    failure = json.dumps({"code": "PROVIDER_UNAVAILABLE", "message": "The model did not answer."})
    for number in range(1, READINGS + 1):
        at, use = moment_of(now, number, READINGS), _use_of_reading(number)
        token_id, (branch, user, model, source) = key_of_use(use), labels(use)
        failed, status = number % 97 == 0, "needs_review" if number % REVIEWED_EACH == 0 else "ok"
        yield (
            *(number, reading_id(number), digest("claim", number), company_of_key(token_id), digest("d", number)),
            *("14", "gemini", model, call_of(use), "failed" if failed else "done", at, at),
            *((None, None) if failed else (status, answers[status])),
            *(f"INV-{number:06}", source, user, branch, f"invoice-{number}.pdf"),
            *(("PROVIDER_UNAVAILABLE", failure) if failed else (None, None)),
            at,
        )


def reviews(now: datetime) -> Iterator[tuple[Any, ...]]:
    """Reviews."""
    for number, reading in _reviewed():
        state, at, seller = _state(number), moment_of(now, reading, READINGS), number % 300
        decided = (
            (at + timedelta(hours=2), "admin-key:clerk") if state not in {"pending", "postponed"} else (None, None)
        )
        yield (
            *(number, reading_id(reading), _company_of_reading(reading), digest("d", reading), state),
            *(_REASONS[number % len(_REASONS)], number % 9_000 + 0.5, "GHS", f"Seller {seller}", digest("s", seller)),
            *(f"INV-{reading:06}", f"invoice-{reading}.pdf", at),
            now + timedelta(days=2) if state == "postponed" else None,
            *decided,
            1 if decided[0] is None else 2,
        )


def decisions(now: datetime) -> Iterator[tuple[Any, ...]]:
    """ReviewDecisions."""
    named = {"confirmed": "confirm", "corrected": "correct", "rejected": "reject"}
    for number, reading in _reviewed():
        state = _state(number)
        if state in named:
            at = moment_of(now, reading, READINGS) + timedelta(hours=2)
            owner = _company_of_reading(reading)
            yield reading_id(reading), owner, 2, named[state], state, "admin-key:clerk", at, digest("f", number)


def corrections(now: datetime) -> Iterator[tuple[Any, ...]]:
    """Corrections."""
    fields = ("total", "invoice_date", "seller.name", "line_items[0].net_amount")
    for number, reading in _reviewed():
        if _state(number) == "corrected":
            at, owner = moment_of(now, reading, READINGS) + timedelta(hours=2), _company_of_reading(reading)
            for field in (fields[number % 4], fields[(number + 1) % 4]):
                path = f"invoices[0].{field}"
                yield reading_id(reading), owner, 2, path, '"1180.00"', '"1190.00"', 1, "admin-key:clerk", at


def logs(now: datetime) -> Iterator[tuple[Any, ...]]:
    """ApplicationLogs."""
    for number in range(LOGS):
        level = "WARNING" if number % 20 == 0 else "INFO"
        message = f"Extraction of a document of {company(number)} ended: ok, 3400 tokens, model 2140 ms"
        call = call_of(USES - LOGS + number)
        at = moment_of(now, number, LOGS)
        yield at, level, "shared_code.extraction.service", message, "service", "extract", 120, call, call[:24]


def attempts(now: datetime) -> Iterator[tuple[Any, ...]]:
    """RetryAttempts."""
    for number in range(ATTEMPTS):
        call, at, retry = call_of(number * (USES // ATTEMPTS)), moment_of(now, number, ATTEMPTS), number % 2 == 0
        token_id = key_of_use(number * (USES // ATTEMPTS))
        yield token_id, company_of_key(token_id), 1, "RATE_LIMITED: 429", retry, at, call, call[:24]


def audits(now: datetime) -> Iterator[tuple[Any, ...]]:
    """AdminAudit."""
    for number in range(AUDITS):
        before, after = json.dumps({"status": "Active"}), json.dumps({"status": "Blocked", "by": f"clerk-{number}"})
        action = ("token.block", "token.activate", "console.sign-in")[number % 3]
        yield (
            moment_of(now, number, AUDITS),
            "admin-key:ann",
            action,
            f"token {number % KEYS}",
            before,
            after,
            f"r-{number}",
        )


def alerts(now: datetime) -> Iterator[tuple[Any, ...]]:
    """Alerts."""
    for number in range(ALERTS):
        at, is_open = moment_of(now, number, ALERTS), number >= ALERTS - OPEN_ALERTS
        text = f"Key {number} of {company(number)} is nearly used up"
        yield "bench_key_low", str(number), "warning", text, "{}", at, at, None if is_open else at, 3


def messages(now: datetime) -> Iterator[tuple[Any, ...]]:
    """WebhookDeliveries."""
    for number in range(MESSAGES):
        at, reading = moment_of(now, number, MESSAGES), number * (READINGS // MESSAGES) + 1
        facts = json.dumps({"status": "ok"})
        state = "failed" if number % 40 == 0 else "delivered"
        yield (
            *(f"msg_{number:032x}", _company_of_reading(reading), "extraction.done", reading_id(reading), facts),
            *(state, at, at, at, 1, 500 if state == "failed" else 200, at),
        )
