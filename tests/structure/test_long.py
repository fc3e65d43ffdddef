"""Each test over the databases runs on one of them in ``dev.py test``, spread evenly, and on the others in ``soak``."""

from collections import Counter

import pytest

from tests.long import backend_of

ALL = ("sqlite", "postgresql", "mssql")


@pytest.mark.parametrize("available", [ALL, ALL[:2]])
def test_a_test_runs_on_exactly_one_of_the_databases(available):
    chosen = Counter()
    for number in range(300):
        ran = [
            backend
            for backend in available
            if backend_of(f"tests/integration/x/test_a.py::test_{number}[{backend}-1]", backend, available) == backend
        ]
        assert len(ran) == 1
        chosen[ran[0]] += 1
    assert min(chosen.values()) > 300 / len(available) * 0.7


def test_the_choice_is_the_same_whichever_database_it_is_asked_for():
    names = [f"tests/integration/x/test_a.py::test_b[{backend}-5]" for backend in ALL]
    assert len({backend_of(name, backend, ALL) for name, backend in zip(names, ALL, strict=True)}) == 1
