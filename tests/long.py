"""Which tests run where: those over databases on one of them each, the long ones on PostgreSQL or not at all.

``dev.py test`` as a whole must end within a quarter of an hour. So (``--spread``) each test over the databases runs on
one of them, by its name. What is about the databases themselves, or books use, runs on all, and so does what is marked
``every_database`` because one of them cannot show it. Tests marked ``long`` take seconds: they run on PostgreSQL alone,
where writers run at once and locks are its own, and not at all when they use no database. Those marked ``soak`` take
ten seconds and more, and show at length what others show in short: they never run in ``dev.py test``.
``dev.py soak`` (``--long``) runs exactly the others: each test runs in one of the two. Named tests run everywhere.
"""

import os
import zlib

import pytest

_QUICK_BACKEND = "postgresql"
_BACKEND_FIXTURES = ("database_url", "empty_database_url")
_ON_ALL = ("tests/integration/database/", "tests/integration/metering/")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The switches that ``dev.py`` sets."""
    parser.addoption("--spread", action="store_true", help="run each test over the databases on one of them")
    parser.addoption("--long", action="store_true", help="of tests/, run only what `dev.py test` leaves out")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the other command."""
    long = bool(config.getoption("--long"))
    spread = long or bool(config.getoption("--spread"))
    wanted = [item for item in items if _is_left_out(item, spread=spread) is long or not _is_short_form(item)]
    chosen = {id(item) for item in wanted}
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in chosen])
    items[:] = wanted


def backend_of(nodeid: str, backend: str, available: tuple[str, ...]) -> str:
    """The database that a test runs on when it runs on one: by its name, the same on each machine that has the same.

    :param nodeid: of the test on ``backend``.
    """
    test, _, parameters = nodeid.partition("[")
    name = test + parameters.replace(backend, "", 1)
    return available[zlib.crc32(name.encode()) % len(available)]


def _is_short_form(item: pytest.Item) -> bool:
    return item.nodeid.startswith("tests/")


def _is_left_out(item: pytest.Item, *, spread: bool) -> bool:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    backends = [parameters[name] for name in _BACKEND_FIXTURES if name in parameters]
    if item.get_closest_marker("soak") is not None:
        return True
    if item.get_closest_marker("long") is not None:
        return _QUICK_BACKEND not in backends
    if not spread or not backends or item.nodeid.startswith(_ON_ALL) or item.get_closest_marker("every_database"):
        return False
    return backend_of(item.nodeid, backends[0], _available()) != backends[0]


def _available() -> tuple[str, ...]:
    has_mssql = bool(os.environ.get("TEST_MSSQL_URL") or os.environ.get("TEST_MSSQL_STANDIN"))
    return ("sqlite", "postgresql", "mssql") if has_mssql else ("sqlite", "postgresql")
