"""What is wrong with a request, in a sentence that names the field, the limit and the actual value.

A text that was sent is never shown, because it may be a key: only its length is. Numbers are shown.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError

from shared_code.database.stores.quotas import quota_scopes
from shared_code.errors import InvalidRequest
from shared_code.observability.redaction import redact

_SHOWN = 5
_NUMBER = re.compile(r"-?[0-9.]{1,40}")
_FIELD_LENGTH = 100
_PROBLEM_LENGTH = 200
#: the framework puts the scope of a new quota into the path of its fields; clients do not write it there
_KINDS = set(quota_scopes.NAMES)

_WORDS: Mapping[str, Callable[[Mapping[str, Any], Any], str]] = {
    "missing": lambda _limits, _sent: "is required",
    "extra_forbidden": lambda _limits, _sent: "is not known here",
    "string_too_long": lambda limits, sent: _length(sent, "at most", limits["max_length"]),
    "too_long": lambda limits, sent: _length(sent, "at most", limits["max_length"]),
    "string_too_short": lambda limits, sent: _length(sent, "at least", limits["min_length"]),
    "too_short": lambda limits, sent: _length(sent, "at least", limits["min_length"]),
    "string_pattern_mismatch": lambda limits, _sent: f"has not the form that is wanted here: {limits['pattern']}",
    "greater_than_equal": lambda limits, sent: f"is {_number(sent)}; it must be at least {limits['ge']}",
    "less_than_equal": lambda limits, sent: f"is {_number(sent)}; it must be at most {limits['le']}",
    "union_tag_not_found": lambda _limits, _sent: "is required",
    "union_tag_invalid": lambda limits, _sent: f"must be one of {limits['expected_tags']}",
    "json_invalid": lambda _limits, _sent: "is not JSON",
    "model_attributes_type": lambda _limits, _sent: "must be a JSON object, sent with Content-Type: application/json",
}


def refusal(error: RequestValidationError) -> InvalidRequest:
    """The error as ours; ``details`` hold the first few problems, each with ``field`` and ``problem``."""
    problems = [_problem(found) for found in error.errors()[:_SHOWN]]
    first = problems[0]
    return InvalidRequest(
        f"{first['field']}: {first['problem']}", details={"field": first["field"], "problems": problems}
    )


def _problem(found: Mapping[str, Any]) -> dict[str, str]:
    kind, limits = found["type"], found.get("ctx") or {}
    words = _WORDS[kind](limits, found.get("input")) if kind in _WORDS else str(found["msg"])
    if kind == "json_invalid":
        words += f" (at character {found['loc'][-1]})"
    return {
        "field": redact(_field(kind, found["loc"], limits))[:_FIELD_LENGTH],
        "problem": redact(words.removeprefix("Value error, "))[:_PROBLEM_LENGTH],
    }


def _field(kind: str, loc: tuple[Any, ...], limits: Mapping[str, Any]) -> str:
    """As the client calls it."""
    if kind.startswith("union_tag"):
        return str(limits["discriminator"]).strip("'")
    if kind == "json_invalid" or len(loc) == 1:
        return str(loc[0])
    parts = loc[2:] if loc[0] == "body" and loc[1] in _KINDS and len(loc) > 2 else loc[1:]  # noqa: PLR2004
    return ".".join(str(part) for part in parts)


def _length(sent: Any, bound: str, limit: int) -> str:
    actual = len(sent.get_secret_value() if hasattr(sent, "get_secret_value") else sent)
    unit = "characters" if isinstance(sent, str) else "items"
    return f"has {actual} {unit}; {bound} {limit} are allowed"


def _number(sent: Any) -> str:
    text = str(sent)
    return text if _NUMBER.fullmatch(text) else "out of range"
