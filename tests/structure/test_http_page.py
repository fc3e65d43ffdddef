"""docs/http.md names every field and every warning that the code has, with its type."""

import ast
import dataclasses
import datetime as dt
import re
import types
import typing
from decimal import Decimal
from pathlib import Path

from shared_code import api_response, errors
from shared_code.documents import refusals
from shared_code.extraction.evidence_data import EvidenceWanted
from shared_code.extraction.outcome import AnswerData, Provenance, UsageData
from shared_code.extraction.stored_readings import UnfinishedData
from shared_code.invoices import schema
from shared_code.invoices.evidence.record import CandidateData, EvidenceData
from shared_code.invoices.page import Source
from shared_code.records import Finding
from shared_code.web import browsers, form

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
RECORDS = {
    schema.Invoice: "Invoice", schema.Party: "Party", schema.OriginalInvoice: "Original invoice", schema.Tax: "Tax",
    schema.Withholding: "Withholding", schema.LineItem: "Line item", schema.Payment: "Payment",
    schema.CashDiscount: "Cash discount", schema.BankAccount: "Bank account", schema.India: "India",
    schema.IndiaQr: "India qr", schema.Fiscal: "Fiscal",
}  # fmt: skip
WORDS = {str: "text", Decimal: "decimal", dt.date: "date", int: "integer", bool: "true or false"}


def tables(text):
    """Each table of a text as rows of cells, without heads."""
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        yield [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in block.splitlines()[2:]]


def table_after(line):
    """The first table behind a line, as ``{name: cells}``."""
    _, found, rest = PAGE.partition(line)
    assert found, line
    return {cells[0].strip("`"): cells[1:] for cells in next(tables(rest))}


def word(hint):
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return f"list of {word(arguments[0])}"
    if isinstance(hint, types.UnionType):
        return f"{word(arguments[0])} or null"
    return RECORDS[hint].lower() if hint in RECORDS else WORDS[hint]


def test_every_field_of_an_invoice_stands_there_with_its_type_and_meaning():
    for record, title in RECORDS.items():
        shown = table_after(f"\n#### {title}\n")
        actual = {name: word(hint) for name, hint in typing.get_type_hints(record).items()}
        actual.pop("impossible_dates", None)
        assert {name: cells[0] for name, cells in shown.items()} == actual, title
        assert all(cells[1] for cells in shown.values()), title
    assert {record for record in vars(schema).values() if dataclasses.is_dataclass(record)} == set(RECORDS)


def test_every_field_around_the_invoices_stands_there():
    envelope = api_response.format_api_response("")
    assert set(table_after("\n## The envelope\n")) == set(envelope)
    assert set(table_after("with success |\n")) == set(api_response.error_facts(errors.Busy()))
    assert set(table_after("\n## `data`\n")) == set(AnswerData.__annotations__) | _inherited(AnswerData)
    assert set(table_after("what this request has cost |\n")) == set(Provenance.__annotations__)
    assert set(
        table_after("in the certificate |\n| `signature` | text; of signed envelopes only | `unverified` |\n")
    ) == set(UsageData.__annotations__)
    assert set(table_after("the request itself is a success.\n")) == set(UnfinishedData.__annotations__)
    # What a person has corrected is not the finding's own.
    assert set(table_after("\n## Warnings\n")) == {field.name for field in dataclasses.fields(Finding)} | {"resolved"}
    assert set(table_after("\n## An upload\n")) == {form.FILE, *form.FIELDS}
    evidence = table_after("\n#### Evidence of a value\n")
    assert set(evidence) == set(EvidenceData.__annotations__)
    assert all(f"`{source}`" in evidence["source"][1] for source in Source)
    assert all(f"`{name}`" in evidence["candidates"][1] for name in CandidateData.__annotations__)
    assert all(f"`{word}`" in table_after("\n## An upload\n")["evidence"][0] for word in EvidenceWanted)
    assert f"Access-Control-Expose-Headers: {', '.join(browsers.EXPOSED)}" in PAGE


def test_every_reason_to_refuse_a_file_stands_there():
    shown = table_after("\n### Why a file is refused\n")
    assert set(shown) == set(refusals.REASONS)
    assert all(all(cells) for cells in shown.values())
    assert refusals.invalid_file("blank").http_status == 422


def test_what_two_requests_for_the_same_are_told_stands_there_with_its_status():
    shown = table_after("\n### The same document, or the same key, twice\n")
    known = {
        each.code: str(each.http_status) for each in (errors.AlreadyProcessing, errors.IdempotencyConflict, errors.Gone)
    }
    assert {code: cells[0] for code, cells in shown.items()} == known


def _inherited(record):
    return {name for base in record.__orig_bases__ for name in typing.get_type_hints(base)}


def findings():
    """Code and review (``yes``, ``no``, ``when``) of each Finding that the code can make, read from the source."""
    for path in sorted((ROOT / "shared_code").rglob("*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        for function in (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)):
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                if isinstance(call.func, ast.Name) and call.func.id == "Finding":
                    for code, review in made(call, function, module):
                        assert code, f"{path}:{call.lineno}: a test must be able to read the code of a finding here"
                        yield code, review


def made(call, function, module):
    code, review = argument(call, 0, "code"), argument(call, 5, "review")
    if isinstance(code, ast.Constant):
        return [(code.value, answer(review))]
    names = [parameter.arg for parameter in (*function.args.args, *function.args.kwonlyargs) if parameter.arg != "self"]
    if isinstance(code, ast.Name) and code.id in names:
        return [
            (argument(caller, names.index(code.id), code.id).value, reviewed(caller, review))
            for caller in ast.walk(module)
            if isinstance(caller, ast.Call)
            and getattr(caller.func, "attr", getattr(caller.func, "id", "")) == function.name
        ]
    message = argument(call, 1, "message")
    if isinstance(message, ast.Subscript):
        return [(key, answer(review)) for key in literal(module, message.value.id)]
    return [(None, "")]


def reviewed(caller, review):
    """What a caller hands over as ``review``, where the finding takes it from its function's parameter."""
    return answer(argument(caller, 99, "review")) if isinstance(review, ast.Name) else answer(review)


def argument(call, place, name):
    named = next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
    return named or (call.args[place] if place < len(call.args) else None)


def answer(review):
    if review is None:
        return "yes"
    return ("yes" if review.value else "no") if isinstance(review, ast.Constant) else "when"


def literal(module, name):
    for node in module.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return ast.literal_eval(node.value)
    return []


def test_the_tables_of_warnings_are_those_of_the_code():
    actual = {}
    for code, review in findings():
        actual.setdefault(code, set()).add(review)
    after = PAGE.partition("\n## Warnings\n")[2].partition("\n## ")[0]
    listed = [cells for table in list(tables(after))[1:] for cells in table]
    shown = {cells[0].strip("`"): cells[1] for cells in listed}
    assert len(shown) == len(listed), "a code stands there twice"
    assert set(shown) == set(actual)
    for code, reviews in actual.items():
        wanted = "when" if len(reviews) > 1 else next(iter(reviews))
        assert shown[code].split()[0] == wanted, code
    assert all(len(cells) == 4 and all(cells) for cells in listed)
