"""Reads a file as the service does, checks included, and looks values up by their paths in the answer."""

from datetime import date
from typing import Any

from shared_code.e_invoices.reader import read_e_invoice
from shared_code.invoices.reading import Reading
from shared_code.invoices.result import ResultData, build_result

TODAY = date(2026, 11, 21)


def answer(data: bytes) -> ResultData:
    found = read_e_invoice(data)
    return build_result(Reading("invoice", found.readings, trusted=True), pages=(), today=TODAY).result_dict()


def at(value: Any, path: str) -> Any:
    """A value of the answer: ``seller.name``, ``line_items.0.quantity``, ``line_items.#`` for a count."""
    for step in path.split("."):
        if step == "#":
            value = len(value)
        elif isinstance(value, list):
            value = value[int(step)]
        else:
            value = None if value is None else value[step]
    return value


def asking(result: ResultData) -> set[str]:
    """Codes of the warnings that ask for review."""
    return {str(warning["code"]) for warning in result["warnings"] if warning["review"]}


def differences(data: bytes, expected: dict[str, Any], *, invoice: int = 0) -> dict[str, Any]:
    """What is read otherwise than expected: path -> what was read."""
    found = answer(data)["invoices"][invoice]
    return {path: at(found, path) for path, want in expected.items() if at(found, path) != want}
