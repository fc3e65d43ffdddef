"""Services on a test's own database."""

from collections.abc import Iterator

import pytest

from shared_code.bootstrap import build_services
from tests.integration.reviews.desk_fixture import Reviews

RING = "test:" + "A" * 43 + "="


@pytest.fixture
def reviews(database_url, make_settings) -> Iterator[Reviews]:
    services = build_services(make_settings(database_url, token_encryption_keys=RING))
    services.webhooks.thread.close()
    yield Reviews(services)
    services.close()
