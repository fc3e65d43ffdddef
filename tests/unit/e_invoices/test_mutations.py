"""Damaged e-invoices: read or refused, never an accident."""

import random
from datetime import date

import pytest

from shared_code import errors
from shared_code.e_invoices.detection import reading_of
from shared_code.e_invoices.page_comparison import compare_with_pages
from shared_code.e_invoices.reader import read_e_invoice
from shared_code.invoices.result import build_result
from tests.unit.documents.files import invoice

FILES = (
    "fpa-FPR01.xml",
    "fx-DATA-002.xml",
    "xr-01.01a_ubl.xml",
    "zf-EN16931_Gutschrift.ubl.xml",
    "zf-EN16931_Rabatte.cii.xml",
)
PIECES = (
    b"0",
    b"-",
    b"9" * 30,
    b".",
    b"1e9",
    b"",
    b"\x00",
    b"<",
    b">",
    b"&",
    b"\xff",
    b"20260230",
    "é".encode(),
    b"</",
    b"NaN",
    b"IT",
    b" ",
)


def mutated(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        start = dice.randrange(len(changed))
        kind = dice.random()
        if kind < 0.75:  # a value between two tags, so that the document stays well-formed
            opened = changed.find(b">", start)
            closed = changed.find(b"<", opened)
            if 0 <= opened < closed:
                changed[opened + 1 : closed] = dice.choice(PIECES)
        elif kind < 0.9:
            changed[start : start + dice.randint(0, 40)] = dice.choice(PIECES)
        else:
            end = start + dice.randint(0, 400)
            changed[start:start] = changed[start:end]
    return bytes(changed)


@pytest.mark.parametrize("name", FILES)
def test_damaged_ones_are_read_or_refused(name):
    dice = random.Random(f"{name} 1")
    data = invoice(name)
    read = 0
    for _ in range(300):
        try:
            found = read_e_invoice(mutated(data, dice))
        except errors.InvalidFile:
            continue
        read += 1
        compare_with_pages(
            found, ["Invoice 471102 of 5 March 2018 from Lieferant GmbH to Kunden AG Mitte: total 529.87 EUR, net 473"]
        )
        result = build_result(reading_of(found), pages=(), today=date(2026, 11, 21))
        assert result.result_dict()["invoices"]
    assert read > 30
