"""Services on a test's own database."""

from collections.abc import Callable, Iterator

import pytest

from shared_code.bootstrap import build_services
from shared_code.bootstrap.container import Services
from tests.integration.rollup.books import Books, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_services(database_url, make_settings, clock) -> Iterator[Callable[..., Services]]:
    made = []

    def make(*, outbox=None, **settings) -> Services:
        made.append(build_services(make_settings(database_url, **settings), clock=clock, outbox=outbox))
        return made[-1]

    yield make
    for services in made:
        services.database.close()
        services.background.shutdown(wait=False)


@pytest.fixture
def books(make_services, clock) -> Books:
    return Books(make_services(), clock)
