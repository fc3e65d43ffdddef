import psutil
import pytest

from shared_code import errors
from shared_code.documents.document import open_document
from shared_code.e_invoices import detection
from shared_code.e_invoices.as_text import outline
from tests.integration.documents import fuzz
from tests.unit.e_invoices.every_syntax import SAMPLES, UNKNOWN


def test_mutated_documents_are_read_or_refused_and_nothing_else(sandbox):
    """The long form is ``python -m tests.integration.documents.fuzz``."""
    memory = psutil.Process().memory_info
    list(fuzz.run(30, sandbox=sandbox))
    before = memory().rss
    results = list(fuzz.run(120, sandbox=sandbox, start=30))
    assert len(results) == 120
    assert max(seconds for *_, seconds in results) < 20
    assert {outcome for _, _, outcome, _ in results} > {"read", "INVALID_FILE corrupt"}
    assert memory().rss - before < 40 * fuzz.MEGABYTE


def test_mutated_e_invoices_of_every_syntax_are_read_or_refused_and_nothing_else(sandbox):
    """Those alone: among all the documents they would be rare."""
    files = dict([*SAMPLES.values(), *UNKNOWN.values()])
    outcomes = set()
    for number in range(200):
        name, data = fuzz.mutation(files, number)
        outcomes.add(fuzz.try_one(data, name, sandbox))
    assert outcomes > {"embedded", "as text", "INVALID_FILE not_well_formed"}


XML = {syntax: sample for syntax, sample in (SAMPLES | UNKNOWN).items() if sample[0].endswith(".xml")}


@pytest.mark.parametrize("syntax", XML)
def test_an_entity_is_refused_in_every_syntax_and_never_resolved(syntax, sandbox):
    name, data = XML[syntax]
    for dtd in (b'<!DOCTYPE a [<!ENTITY e "9.99">]>', b'<!DOCTYPE a SYSTEM "file:///etc/hostname">'):
        hostile = b"<?xml version='1.0'?>" + dtd + data.replace(b"100.00", b"&e;", 1)
        document = open_document(hostile, file_name=name, max_bytes=1_000_000, max_pages=1, sandbox=sandbox)
        for read in (detection.read_document, lambda one: outline.outline_in_sandbox(one.media[0].data)):
            with pytest.raises(errors.InvalidFile) as caught:
                read(document)
            assert caught.value.details["reason"] == "dtd"
