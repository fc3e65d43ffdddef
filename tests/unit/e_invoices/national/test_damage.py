"""Damaged invoices of the national syntaxes: read or refused, never an accident."""

import random

import pytest

from shared_code import errors
from tests.unit.e_invoices.national import test_cfdi, test_ebinterface, test_facturae, test_ksef, test_nfe
from tests.unit.e_invoices.national.read_whole import answer
from tests.unit.e_invoices.test_mutations import mutated

_WHOLE = {
    "KSeF": test_ksef.FULL,
    "Facturae": test_facturae.FULL,
    "ebInterface": test_ebinterface.FULL,
    "CFDI": test_cfdi.FULL,
    "NF-e": test_nfe.FULL,
}


@pytest.mark.parametrize("syntax", _WHOLE)
def test_damaged_ones_are_read_or_refused(syntax):
    dice = random.Random(f"{syntax} 1")
    read = 0
    for _ in range(150):
        try:
            assert answer(mutated(_WHOLE[syntax].encode(), dice))["invoices"]
        except errors.InvalidFile:
            continue
        read += 1
    assert read > 20
