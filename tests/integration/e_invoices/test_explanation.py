"""The explanation of a document with several files, made in the sandbox."""

from shared_code.documents.document import Document
from shared_code.documents.file_type import Kind
from shared_code.e_invoices.explanation import explain
from tests.unit.e_invoices.written import cii, ubl


def test_of_several_files_in_a_pdf_the_one_that_was_read_is_explained():
    files = (("a.xml", ubl(number="U-9")), ("b.xml", b"<a/>"), ("c.xml", b"<a"), ("d.xml", cii()))
    document = Document(Kind.PDF, "application/pdf", "0", 1, 1, "a.pdf", (), xml_attachments=files)
    found = explain.explain_document(document, syntax="CII", number="C-1")
    assert found is not None
    assert (found.syntax, found.number) == ("CII", "C-1")
    assert explain.explain_document(document, syntax="CII", number="C-2") is None
