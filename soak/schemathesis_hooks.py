"""Loaded by schemathesis in its own process: aims requests at seeded rows, and counts the answers.

What is left as generated: every value of every body and filter. What is aimed: ids in paths, which would else hit one
row in two thousand million, and values whose relation to each other or to the day a schema cannot state.
"""

import atexit
import json
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import schemathesis

_IDS = json.loads(os.environ["SOAK_IDS"])
_COUNTS = Path(os.environ["SOAK_COUNTS"])
_answers: Counter[str] = Counter()


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
    """A range of days goes forward, and does not begin in the future."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    if query and isinstance(query.get("from"), str) and query["from"] > yesterday:
        query["from"] = yesterday
    if query and query.get("from") and query.get("to") and str(query["from"]) > str(query["to"]):
        query["from"], query["to"] = query["to"], query["from"]
    return query


@schemathesis.hook
def before_call(context, case, kwargs):
    """An ETag that nobody has seen is refused, rightly, so three requests in four that are meant to be valid go without.

    The coverage phase also sends one without its quotes and takes it for valid.
    """
    sent = case.headers.get("If-Match") if case.headers else None
    if sent is not None and case.meta.generation.mode.is_positive and (len(sent) % 4 or not sent.startswith('"')):
        case.headers["If-Match"] = "*"


@schemathesis.hook
def after_call(context, case, response):
    """Count."""
    _answers[str(response.status_code)] += 1


@atexit.register
def _write():
    _COUNTS.write_text(json.dumps(_answers))
