from collections.abc import Callable, Iterator

import pytest

from shared_code.documents.document import Document, open_document
from shared_code.documents.sandbox.pool import Sandbox
from tests.unit.documents.files import MEGABYTE


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    opened = Sandbox()
    yield opened
    opened.close()


@pytest.fixture
def open_file(sandbox: Sandbox) -> Callable[..., Document]:
    def opened(data: bytes, **options) -> Document:
        return open_document(data, **{"max_bytes": 20 * MEGABYTE, "max_pages": 30, "sandbox": sandbox, **options})

    return opened
