"""Fifty forced readings of one document beside fifty cached ones from four processes, on each database."""

import pytest

from tests.integration.extraction.test_many_readings import (  # noqa: F401 - test
    test_readings_forced_by_several_processes_beside_cached_ones,
)


@pytest.fixture
def each() -> int:
    return 25
