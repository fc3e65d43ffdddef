from collections.abc import Callable, Iterator

import pytest

from shared_code.documents.document import Document, open_document, page_texts
from shared_code.documents.sandbox.pool import Sandbox
from tests.unit.documents.files import MEGABYTE, invoice


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    opened = Sandbox()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def open_invoice(sandbox: Sandbox) -> Callable[[str], tuple[Document, tuple[str, ...]]]:
    """A document of the shared set with the text of its pages."""

    def opened(name: str) -> tuple[Document, tuple[str, ...]]:
        document = open_document(invoice(name), max_bytes=20 * MEGABYTE, max_pages=30, sandbox=sandbox)
        return document, page_texts(document, sandbox=sandbox).pages

    return opened
