"""A document with unlikely values, sent under unlikely names, and a search for them in all that the service keeps."""

import base64
import io
import zlib
from contextlib import suppress

import pikepdf
from sqlalchemy import select

from shared_code.database.tables import metadata

#: what stands in the document
VALUES = {
    "supplier": "Quillfeather Ropewalk",
    "number": "QFX-77-0931",
    "iban": "DE89370400440532013000",
    "amount": "7391.47",
}
#: what came with it
NAMES = {"file": "zephyrine-odulf", "user": "odulf.zephyrine", "branch": "Thistlemere", "request": "req-vexillology-7"}
_ROWS = (
    (VALUES["supplier"], ""),
    ("TAX INVOICE", ""),
    (f"Invoice No: {VALUES['number']}", ""),
    ("Invoice Date: 2026-11-02", ""),
    ("Currency: EUR", ""),
    (f"IBAN: {VALUES['iban']}", ""),
    ("Net total", "6159.56"),
    ("VAT 20%", "1231.91"),
    ("Total EUR", VALUES["amount"]),
)


def document() -> bytes:
    """A page that can be read as text, also in the file itself."""
    made = pikepdf.new()
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    made.add_blank_page(page_size=(595, 842))
    cells = [
        f"BT /F1 10 Tf {x} {800 - 18 * at} Td ({text}) Tj ET"
        for at, row in enumerate(_ROWS)
        for x, text in zip((40, 480), row, strict=True)
        if text
    ]
    made.pages[0].Contents = made.make_stream("\n".join(cells).encode())
    made.pages[0].Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=made.make_indirect(font)))
    held = io.BytesIO()
    made.save(held, compress_streams=False)
    return held.getvalue()


def found_in(stack) -> dict[str, set[str]]:
    """Where each planted text is: ``table.column``, ``container``, ``container (name)``, ``queue`` or ``log file``."""
    found: dict[str, set[str]] = {}
    for place, text in _texts(stack):
        for name, planted in (VALUES | NAMES).items():
            if planted.lower() in text.lower():
                found.setdefault(place, set()).add(name)
    return found


def _texts(stack):
    yield from _tables(stack.services.database)
    for container in stack.blobs.list_containers():
        for blob in stack.blobs.get_container_client(container.name).list_blobs(include=["metadata"]):
            yield f"{container.name} (name)", f"{blob.name} {blob.metadata}"
            yield container.name, _both_ways(stack.blobs.get_blob_client(container.name, blob.name))
    for queue in stack.queues.list_queues():
        for message in stack.queues.get_queue_client(queue.name).peek_messages(max_messages=32):
            text = str(message.content)
            with suppress(ValueError):
                text += base64.b64decode(text).decode("utf-8", "replace")
            yield queue.name, text
    yield "log file", stack.log.read_text(encoding="utf-8")


def _both_ways(blob) -> str:
    return blob.download_blob().readall().decode("utf-8", "replace")


def _tables(database):
    def read(connection):
        return [
            (f"{table.name}.{column.name}", _unpacked(value))
            for table in metadata.sorted_tables
            for row in connection.execute(select(table)).all()
            for column, value in zip(table.columns, row, strict=True)
        ]

    return database.read(read)


def _unpacked(value) -> str:
    """A value of a row as text; bytes are what was compressed."""
    return zlib.decompress(value).decode() if isinstance(value, bytes) else str(value)
