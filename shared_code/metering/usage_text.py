"""The seed's log line about a call's usage, written and read.

::

    Gemini processing complete. Usage: RunUsage(input_tokens=2518, output_tokens=652, details={...}, requests=1)

Written in the form of pydantic-ai 1.x, which leaves out what is zero. Read in the forms of 1.x and 2.x: any order of
fields, over several lines, with further fields and ``Decimal('...')`` values. Reading parses literals only; nothing in
a line is ever executed.
"""

import ast
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from shared_code.records import Usage

_OPENING = re.compile(r"\bRunUsage\(")
#: a real line has some hundred characters; parsing more would be work for whoever can write into a log
_LONGEST = 20_000
_DETAIL_KEYS = ("text_prompt_tokens", "image_prompt_tokens", "text_candidates_tokens")


def format_run_usage(usage: Usage, *, provider: str = "Gemini") -> str:
    """The log line for one call. A call whose cost is unknown shows ``unmeasured_requests`` in place of counts."""
    details = {
        "cached_content_tokens": usage.cached_tokens,
        "thoughts_tokens": usage.thoughts_tokens,
        **usage.modalities,
    }
    fields = {
        "input_tokens": usage.input_tokens,
        "cache_read_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "details": {name: count for name, count in details.items() if count},
        "requests": usage.requests,
        "unmeasured_requests": None if usage.measured else usage.requests,
    }
    shown = ", ".join(f"{name}={value!r}" for name, value in fields.items() if value)
    return f"{provider} processing complete. Usage: RunUsage({shown})"


def parse_run_usage(line: str) -> dict[str, Any]:
    """Read the counts out of a line that holds ``RunUsage(...)``, under the seed's names.

    A count that the text leaves out was zero; it is None (unknown) for an unmeasured call, and for the split by
    modality when the text holds no split at all.

    :raises ValueError: when there is no readable ``RunUsage(...)``.
    """
    values = _keywords(_inside(line))
    details = values.get("details", {})
    if not isinstance(details, Mapping):
        raise ValueError("details of RunUsage is no mapping")  # noqa: TRY004 - the text is wrong, not the caller's type
    unmeasured = _count(values, "unmeasured_requests") > 0 and not _count(values, "input_tokens")
    result: dict[str, Any] = {
        name: None if unmeasured else _count(values, name) for name in ("input_tokens", "output_tokens")
    }
    result |= {name: _count(details, name) if details else None for name in _DETAIL_KEYS}
    return result | {"requests": _count(values, "requests")}


def _inside(line: str) -> str:
    """The text between the parentheses of RunUsage, which may hold parentheses and quotes itself."""
    opening = _OPENING.search(line)
    if opening is None:
        raise ValueError("the line holds no RunUsage(...)")
    text = line[opening.end() : opening.end() + _LONGEST]
    depth, quote = 1, ""
    position = 0
    while position < len(text):
        letter = text[position]
        if quote:
            # A backslash takes the next letter with it.
            position += letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        else:
            depth += (letter == "(") - (letter == ")")
            if depth == 0:
                return text[:position]
        position += 1
    raise ValueError("RunUsage(...) has no end")


def _keywords(inside: str) -> dict[str, Any]:
    try:
        # One line: the text may be indented as it was printed.
        call = ast.parse(f"f({' '.join(inside.split())})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError("RunUsage(...) is not readable") from error
    if not isinstance(call, ast.Call) or call.args:
        raise ValueError("RunUsage(...) holds more than named values")
    return {keyword.arg: _value(keyword.value) for keyword in call.keywords if keyword.arg}


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str() as text)], keywords=[]):
            try:
                return Decimal(text)
            except InvalidOperation as error:
                raise ValueError("RunUsage(...) holds a Decimal that is none") from error
        case _:
            try:
                return ast.literal_eval(node)
            except (ValueError, TypeError, RecursionError, MemoryError) as error:
                raise ValueError("RunUsage(...) holds more than literals") from error


def _count(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} of RunUsage is no count")
    return value
