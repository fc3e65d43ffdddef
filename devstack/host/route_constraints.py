"""Inline constraints of ASP.NET route templates (``{n:int}``, ``{s:length(3,5)}``), by their names there."""

import re
import uuid
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation

from devstack.host.errors import FunctionProblem

Constraint = Callable[[str], bool]

_INT_BITS, _LONG_BITS = 32, 64


def parse_constraint(text: str) -> Constraint:
    """The test that ``text`` names, e.g. ``range(1,5)``. Raises :class:`FunctionProblem` for an unknown one."""
    match = re.fullmatch(r"(\w+)(?:\((.*)\))?", text, re.DOTALL)
    name, argument = (match.group(1).casefold(), match.group(2)) if match else (text, None)
    try:
        if argument is None and name in _PLAIN:
            return _PLAIN[name]
        if argument is not None and name in _WITH_ARGUMENT:
            return _WITH_ARGUMENT[name](argument)
    except (ValueError, re.error) as error:
        raise FunctionProblem(f"The route constraint '{text}' is not valid: {error}.") from error
    raise FunctionProblem(f"The constraint reference '{name}' could not be resolved to a type.")


def _whole_number(bits: int) -> Constraint:
    def test(value: str) -> bool:
        number = _as_int(value)
        return number is not None and -(2 ** (bits - 1)) <= number < 2 ** (bits - 1)

    return test


def _as_int(value: str) -> int | None:
    return int(value) if re.fullmatch(r"\s*[+-]?[0-9]+\s*", value) else None


def _is_decimal(value: str) -> bool:
    try:
        return Decimal(value.replace(",", "")).is_finite()
    except InvalidOperation:
        return False


def _is_guid(value: str) -> bool:
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return True


def _is_datetime(value: str) -> bool:
    for form in ("%m/%d/%Y", "%m/%d/%Y %H:%M:%S"):
        try:
            datetime.strptime(value, form)  # noqa: DTZ007 - only whether it parses
        except ValueError:
            continue
        return True
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _length(argument: str) -> Constraint:
    bounds = [int(part) for part in argument.split(",")]
    low, high = bounds[0], bounds[-1]
    return lambda value: low <= len(value) <= high


def _minimum_length(argument: str) -> Constraint:
    low = int(argument)
    return lambda value: len(value) >= low


def _maximum_length(argument: str) -> Constraint:
    high = int(argument)
    return lambda value: len(value) <= high


def _range(argument: str) -> Constraint:
    low, high = (int(part) for part in argument.split(","))
    return _between(low, high)


def _minimum(argument: str) -> Constraint:
    return _between(int(argument), 2 ** (_LONG_BITS - 1) - 1)


def _maximum(argument: str) -> Constraint:
    return _between(-(2 ** (_LONG_BITS - 1)), int(argument))


def _between(low: int, high: int) -> Constraint:
    def test(value: str) -> bool:
        number = _as_int(value)
        return number is not None and low <= number <= high

    return test


def _regex(argument: str) -> Constraint:
    expression = re.compile(argument, re.IGNORECASE)
    return lambda value: expression.search(value) is not None


_PLAIN: dict[str, Constraint] = {
    "int": _whole_number(_INT_BITS),
    "long": _whole_number(_LONG_BITS),
    "guid": _is_guid,
    "bool": lambda value: value.casefold() in {"true", "false"},
    "alpha": lambda value: re.fullmatch(r"[A-Za-z]*", value) is not None,
    "decimal": _is_decimal,
    "double": _is_decimal,
    "float": _is_decimal,
    "datetime": _is_datetime,
    "required": lambda value: value != "",
}
_WITH_ARGUMENT: dict[str, Callable[[str], Constraint]] = {
    "length": _length,
    "minlength": _minimum_length,
    "maxlength": _maximum_length,
    "range": _range,
    "min": _minimum,
    "max": _maximum,
    "regex": _regex,
}
