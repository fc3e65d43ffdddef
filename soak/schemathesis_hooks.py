"""Loaded by schemathesis in its own process: aims requests at seeded rows, and counts the answers.

What is left as generated: every value of every body and filter. What is aimed: ids in paths, which would else hit one
row in two thousand million, and values whose relation to each other or to the day a schema cannot state.
"""

import atexit
import contextlib
import itertools
import json
import os
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import schemathesis

_IDS = json.loads(os.environ["SOAK_IDS"])
_COUNTS = Path(os.environ["SOAK_COUNTS"])
_answers: Counter[str] = Counter()
_LONGEST_RANGE = timedelta(days=399)
_SAMPLE = Path(__file__).parents[1] / "samples" / "ghana-vat-invoice.pdf"
_totals = itertools.count(1)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Three in four ids are those of rows that exist."""
    for name, known in _IDS.items():
        value = (path_parameters or {}).get(name)
        if isinstance(value, int) and value % 4:
            path_parameters[name] = known[value % len(known)]
    return path_parameters


@schemathesis.hook
def map_query(context, query):
    """Before requests are made; those of the coverage phase do not come here."""
    return _in_order(context.operation.path, query)


def _in_order(path, query):
    """A range of days goes forward, does not begin in the future, and is no longer than its address allows."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    if query and isinstance(query.get("from"), str) and query["from"] > yesterday:
        query["from"] = yesterday
    if query and query.get("from") and query.get("to") and str(query["from"]) > str(query["to"]):
        query["from"], query["to"] = query["to"], query["from"]
    if query and query.get("from") and path.endswith("/review-accuracy"):
        with contextlib.suppress(ValueError):  # what is sent is no day, on purpose
            latest = date.fromisoformat(query["from"]) + _LONGEST_RANGE
            query["to"] = min(str(query.get("to") or yesterday), latest.isoformat())
    return query


@schemathesis.hook
def before_call(context, case, kwargs):
    """An ETag that nobody has seen is refused, rightly, so three requests in four that are meant to be valid go without.

    The coverage phase also sends one without its quotes and takes it for valid.
    """
    sent = case.headers.get("If-Match") if case.headers else None
    if sent is not None and case.meta.generation.mode.is_positive and (len(sent) % 4 or not sent.startswith('"')):
        case.headers["If-Match"] = "*"
    if case.meta.generation.mode.is_positive:
        case.query = _in_order(case.path, case.query)
        case.body = _aimed(case.method, case.path, case.body)


def _aimed(method, path, body):
    """A valid body whose parts fit each other, and the place that they are sent to."""
    if path.endswith("/try") and method == "POST":
        return _SAMPLE.read_bytes()
    if not isinstance(body, dict):
        return body
    if path.endswith("/webhooks") and "url" in body:
        return body | {"url": "https://hooks.example.com/"}
    if path.endswith(("/decision", "/check")):
        # Each is another value: one that is there already is no correction.
        changes = [one | {"field": "total", "value": f"{next(_totals)}.00"} for one in body.get("corrections") or []]
        if path.endswith("/check"):
            return body | {"corrections": changes}
        decision = body["decision"]
        changes = (changes or [{"field": "total", "value": f"{next(_totals)}.00"}]) if decision == "correct" else []
        reason = (body.get("reason") or "").strip() or ("seeded" if decision == "reject" else None)
        return {
            "decision": decision,
            "corrections": changes[:1],
            "reason": reason,
            "until": body.get("until") if decision == "postpone" else None,
        }
    return body


@schemathesis.hook
def after_call(context, case, response):
    """Count."""
    _answers[str(response.status_code)] += 1


@atexit.register
def _write():
    _COUNTS.write_text(json.dumps(_answers))
