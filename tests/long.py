"""Which tests run where: those marked ``long`` take seconds on each database.

``dev.py test`` runs them on PostgreSQL alone, where writers run at once and locks are its own; those that use no
database it leaves out. ``dev.py soak`` (``--long``) runs exactly the others: each test runs in one of the two.
"""

import pytest

_QUICK_BACKEND = "postgresql"
_BACKEND_FIXTURES = ("database_url", "empty_database_url")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The switch that ``dev.py soak`` sets."""
    parser.addoption("--long", action="store_true", help="of tests/, run only what `dev.py test` leaves out")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the other command."""
    wanted = [item for item in items if _is_left_out(item) is config.getoption("--long") or not _is_short_form(item)]
    chosen = {id(item) for item in wanted}
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in chosen])
    items[:] = wanted


def _is_short_form(item: pytest.Item) -> bool:
    return item.nodeid.startswith("tests/")


def _is_left_out(item: pytest.Item) -> bool:
    if item.get_closest_marker("long") is None:
        return False
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    backends = [parameters[name] for name in _BACKEND_FIXTURES if name in parameters]
    return _QUICK_BACKEND not in backends
