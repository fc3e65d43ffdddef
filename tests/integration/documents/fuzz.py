"""Mutated documents on the way that every document goes: ``python -m tests.integration.documents.fuzz --count 20000``.

Opened, read as an e-invoice where there is one, its text layer and codes looked at, and a model's answer (what the
sound file says) checked against what is left of it. Nothing but our own errors may come out. Every mutation follows
from the seed and its number, so that ``--only N`` repeats one.
"""

import argparse
import functools
import json
import random
import re
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import psutil

from shared_code import errors
from shared_code.documents.document import Document, PageTexts, find_india_qr, open_document, page_images, page_texts
from shared_code.documents.file_type import Kind
from shared_code.documents.sandbox.pool import Sandbox
from shared_code.e_invoices import detection
from shared_code.e_invoices.as_text import outline
from shared_code.e_invoices.reader import EInvoice
from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.wire_schema import WireAnswer, parse_answer
from shared_code.extraction.answer_review import needs_second_look
from shared_code.invoices.page import PageText
from shared_code.invoices.result import build_result
from shared_code.invoices.text_layer import TextLayer
from tests.unit.documents.files import FOLDER, MEGABYTE
from tests.unit.e_invoices import every_syntax
from tests.unit.extraction import wire_answers

SEED = 20_261_121
_TODAY = date(2026, 11, 21)
#: files whose own size or count makes them slow and their mutations dull
_LEFT_OUT = {"nasty-flate-bomb-300MB.pdf", "nasty-bomb-20000x20000.png", "nasty-300-pages.pdf", "nasty-zero-byte.pdf"}
_LARGEST = 400_000
_WORDS = [
    b"/Length",
    b"stream",
    b"endobj",
    b"obj",
    b"/Kids",
    b"/Count",
    b"<<",
    b">>",
    b"[",
    b"]",
    b"0 R",
    b"xref",
    b"trailer",
]
_NUMBERS = [b"0", b"-1", b"1", b"2147483647", b"4294967296", b"99999999999999999999", b"3.7", b"1e9"]
_VALUE = re.compile(rb"[>\"]([^<>\"{}\[\]]{1,60})[<\"]")
_ELEMENT = re.compile(rb"<([A-Za-z][\w:.]*)(?: [^<>]*)?>[^<>]*</\1>|<[A-Za-z][\w:.]*(?: [^<>]*)?/>")
#: numbers, dates and texts that readers stumble over; the last ones are not well formed everywhere
_VALUES = [
    b"", b" ", b"0", b"-0.00", b"NaN", b"INF", b"1e999999", b"-1E-999", b"9" * 400, b"0." + b"0" * 400 + b"1", b"1,5", b"1 000,00",
    b"2026-02-30", b"0000-00-00", b"99999999", b"20260504", b"04/05/2026", b"2026-05-04T25:61:00", b"\xd9\xa1\xd9\xa2", b"\xe2\x88\x9e",
    b"x" * 20_000, b"EUR", b"\xf0\x9f\x92\xa9", b"&#0;", b"&e;", b"\\u0000", b"\\ud800", b"true", b"null",
]  # fmt: skip
_STREAM = re.compile(rb"stream\r?\n(.{10,}?)\r?\nendstream", re.DOTALL)


def corpus() -> dict[str, bytes]:
    files = {
        path.name: path.read_bytes()
        for path in sorted(FOLDER.iterdir())
        if path.suffix in {".pdf", ".png", ".jpg", ".heic", ".tiff", ".xml"} and path.name not in _LEFT_OUT
    }
    files |= dict([*every_syntax.SAMPLES.values(), *every_syntax.UNKNOWN.values()])
    return {name: data for name, data in files.items() if len(data) <= _LARGEST}


def mutation(files: dict[str, bytes], number: int, seed: int = SEED) -> tuple[str, bytes]:
    """File name and bytes of one mutation."""
    chance = random.Random(f"{seed}-{number}")
    name = chance.choice(list(files))
    data = bytearray(files[name])
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        if data:
            chance.choice(_MUTATORS)(chance, data, files)
    return name, bytes(data)


def _flip(chance: random.Random, data: bytearray, _files: dict[str, bytes]) -> None:
    for _ in range(chance.choice([1, 3, 10])):
        data[chance.randrange(len(data))] = chance.randrange(256)


def _cut(chance: random.Random, data: bytearray, _files: dict[str, bytes]) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.choice([1, 10, 100, 1000, len(data)])]


def _double(chance: random.Random, data: bytearray, _files: dict[str, bytes]) -> None:
    start = chance.randrange(len(data))
    piece = data[start : start + chance.choice([1, 10, 100, 1000])]
    at = chance.randrange(len(data))
    data[at:at] = piece * chance.choice([1, 2, 50])


def _mix(chance: random.Random, data: bytearray, files: dict[str, bytes]) -> None:
    other = files[chance.choice(list(files))]
    start, at = chance.randrange(len(other)), chance.randrange(len(data))
    data[at : at + 200] = other[start : start + 200]


def _change_number(chance: random.Random, data: bytearray, _files: dict[str, bytes]) -> None:
    found = list(re.finditer(rb"(?<![\w.])\d{1,10}(?![\w.])", bytes(data[:100_000])))
    if found:
        match = chance.choice(found)
        data[match.start() : match.end()] = chance.choice([*_NUMBERS, b"%d" % chance.randrange(200)])


def _insert_word(chance: random.Random, data: bytearray, _files: dict[str, bytes]) -> None:
    at = chance.randrange(len(data))
    data[at:at] = b" " + chance.choice(_WORDS) + b" "


def _change_within_stream(chance: random.Random, data: bytearray, _files: dict[str, bytes]) -> None:
    """Damage what a Flate stream holds and pack it again, so that the damage reaches what is behind the inflater."""
    found = list(_STREAM.finditer(bytes(data)))
    if not found:
        return
    match = chance.choice(found)
    try:
        content = bytearray(zlib.decompressobj().decompress(match[1], MEGABYTE))
    except zlib.error:
        return
    if content:
        _change_number(chance, content, {})
        _flip(chance, content, {})
        data[match.start(1) : match.end(1)] = zlib.compress(bytes(content))


def _change_big_number(chance: random.Random, data: bytearray, _files: dict[str, bytes]) -> None:
    """Sizes and offsets in image headers."""
    at = chance.randrange(min(len(data), 2_000))
    data[at : at + 4] = chance.choice(
        [b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff", b"\x00\x00\xff\xff"]
    )


def _change_value(chance: random.Random, data: bytearray, _files: dict[str, bytes]) -> None:
    """Another value in an element, an attribute or a member of JSON, so that it stays well formed."""
    found = list(_VALUE.finditer(bytes(data[:100_000])))
    if found:
        match = chance.choice(found)
        data[match.start(1) : match.end(1)] = chance.choice(_VALUES)


def _repeat_element(chance: random.Random, data: bytearray, _files: dict[str, bytes]) -> None:
    """An element that stands there many times, as the name of its neighbour, or not at all."""
    found = list(_ELEMENT.finditer(bytes(data[:100_000])))
    if found:
        match = chance.choice(found)
        data[match.start() : match.end()] = match[0] * chance.choice([0, 2, 300])


_MUTATORS = (
    _flip,
    _cut,
    _double,
    _mix,
    _change_number,
    _insert_word,
    _change_within_stream,
    _change_big_number,
    _change_value,
    _repeat_element,
)


def try_one(data: bytes, name: str, sandbox: Sandbox) -> str:
    """What became of one file: ``embedded`` or ``read``, or the code and reason of our error. Anything else is raised."""
    try:
        document = open_document(data, file_name=name, max_bytes=20 * MEGABYTE, max_pages=30, sandbox=sandbox)
        if document.kind is Kind.XML:
            return _try_structured(document, name, sandbox)
        texts = page_texts(document, sandbox=sandbox)
        found, _findings = detection.choose_e_invoice(document, texts.parts)
        if found is not None:
            _check_embedded(found, texts.pages)
            return "embedded"
        _check_answer(document, texts, name, sandbox)
        if document.sha256.startswith(("0", "1")):
            page_images(document, longest_side=400, sandbox=sandbox)
    except errors.RequestError as error:
        return f"{error.code} {error.details.get('reason')}"
    return "read"


def _try_structured(document: Document, name: str, sandbox: Sandbox) -> str:
    """XML and JSON: read, or given to a model as text, which is grounded in it."""
    try:
        _check_embedded(detection.read_document(document), ("",))
    except errors.InvalidFile as refused:
        if refused.details.get("reason") != "not_an_e_invoice":
            raise
        text = outline.outline_in_sandbox(document.media[0].data, sandbox=sandbox)
        _check_answer(document, PageTexts((PageText(text.text),)), name, sandbox)
        return "as text"
    return "embedded"


def _check_embedded(found: EInvoice, pages: tuple[str, ...]) -> None:
    result = build_result(detection.reading_of(found), pages=pages, today=_TODAY)
    json.dumps(result.result_dict()).encode()


def _check_answer(document: Document, texts: PageTexts, name: str, sandbox: Sandbox) -> None:
    code = find_india_qr(document, texts, sandbox=sandbox)
    layer = TextLayer(texts.parts)
    reading = read_invoices(_answer_to(name), layer)
    needs_second_look(reading, layer)
    result = build_result(reading, pages=texts.pages, today=_TODAY, qr=code)
    json.dumps(result.result_dict()).encode()


@functools.cache
def _answer_to(name: str) -> WireAnswer:
    """What a model would say of the sound file, as far as the set's manifest tells."""
    entries = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))["files"]
    expected = next((entry for entry in entries if entry["file"] == name), {}).get("expected", {})
    values = {field: expected.get(field) for field in ("invoice_number", "invoice_date", "total", "currency")}
    values |= {f"{field}_printed": value for field, value in values.items()} | {"tax_total": expected.get("tax_total")}
    seller = {"name": expected.get("issuer"), "tax_id": expected.get("seller_gstin")}
    return parse_answer(wire_answers.answer(wire_answers.invoice(seller=seller, **values)))


def run(count: int, *, sandbox: Sandbox, start: int = 0, seed: int = SEED) -> Iterator[tuple[int, str, str, float]]:
    """Number, file, outcome and seconds of each mutation."""
    files = corpus()
    for number in range(start, start + count):
        name, data = mutation(files, number, seed)
        began = time.monotonic()
        outcome = try_one(data, name, sandbox)
        yield number, name, outcome, time.monotonic() - began


@dataclass(slots=True)
class Tally:
    """What a run has seen so far.

    :ivar memory_mb: resident memory of this process after each thousand mutations.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int, str] = (0.0, 0, "")
    memory_mb: list[float] = field(default_factory=list)


def watch(results: Iterator[tuple[int, str, str, float]]) -> Tally:
    """Count a run, with a line for each thousand and for each file that came near a limit."""
    tally, began = Tally(), time.monotonic()
    for number, name, outcome, seconds in results:
        tally.outcomes[outcome] += 1
        tally.slowest = max(tally.slowest, (seconds, number, name))
        if outcome.split()[-1] in {"time", "too_complex", "memory"}:
            print(f"{number} {name}: {outcome} after {seconds:.2f} s", flush=True)
        if (number + 1) % 1000 == 0:
            tally.memory_mb.append(round(psutil.Process().memory_info().rss / MEGABYTE, 1))
            print(f"{number + 1} after {time.monotonic() - began:.0f} s: {tally}", flush=True)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    start, count = (options.start, options.count) if options.only is None else (options.only, 1)
    sandbox = Sandbox()
    try:
        print(watch(run(count, sandbox=sandbox, start=start, seed=options.seed)))
    finally:
        sandbox.close()


if __name__ == "__main__":
    main()
