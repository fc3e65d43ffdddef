"""What ``dev.py test`` calls pytest with, and what it sets up for it."""

from types import SimpleNamespace

import pytest

from devstack.setup import quality

WHOLE = ["-n", "3", "--spread"]


@pytest.fixture
def test(monkeypatch, tmp_path):
    """Runs ``dev.py test``: whether storage is set up, and the arguments of pytest."""

    def run(*arguments):
        seen = {}
        monkeypatch.setattr(
            quality, "prepare", lambda root, *, storage: seen.update(storage=storage) or SimpleNamespace(python=root)
        )
        monkeypatch.setattr(quality, "_ensure_driver_manager", lambda: None)
        monkeypatch.setattr(quality, "_call", lambda root, call, environment: seen.update(call=call[3:]) or 7)
        assert quality.test(tmp_path, arguments) == 7
        return seen["storage"], seen["call"]

    return run


def test_without_arguments_all_tests_run_on_three_processes(test):
    assert test() == (True, WHOLE)


def test_tests_that_need_no_service_set_up_no_storage(test):
    assert test("unit") == (False, ["tests/unit"])
    assert test("unit", "structure", "-x") == (False, ["tests/unit", "tests/structure", "-x"])
    assert test("unit", "devstack") == (True, [*WHOLE, "tests/unit", "tests/devstack"])


@pytest.mark.parametrize("part", ["integration", "e2e", "browser", "devstack"])
def test_a_part_is_named_by_its_folder_s_name(test, part):
    assert test(part, "-k", "unit") == (True, [*WHOLE, f"tests/{part}", "-k", "unit"])


def test_other_arguments_are_those_of_pytest(test):
    for arguments in (["tests/unit/documents"], ["-k", "unit"], ["--version"]):
        assert test(*arguments) == (True, arguments)
