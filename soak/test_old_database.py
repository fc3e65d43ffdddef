"""The upgrade of an old database at full size: 1,000 keys and 100,000 usage rows, on every backend that is there."""

import importlib.util
import os
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1] / "tests"


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


conftest = load("tests_conftest", TESTS / "conftest.py")
checks = load("test_schema_checks", TESTS / "integration" / "database" / "test_schema.py")
make_settings, postgresql_server = conftest.make_settings, conftest.postgresql_server
mssql_server, _mssql_reused = conftest.mssql_server, conftest._mssql_reused
empty_database_url, empty = conftest.empty_database_url, checks.empty


@pytest.mark.filterwarnings("ignore:.*xpression.*")
def test_thousand_keys_and_hundred_thousand_rows(empty, empty_database_url):
    keys, usage = 1_000, 100_000
    checks.seed_database.make_seed_database(empty_database_url, keys=keys, usage_rows=usage)
    before = {table: checks.everything(empty, table) for table in checks.SEED_TABLES}
    started = time.perf_counter()
    checks.schema.upgrade(empty)
    print(f"{empty.dialect}: upgraded in {time.perf_counter() - started:.1f} s ({os.cpu_count()} cores)")
    assert checks.differences(empty) == ([], {})
    checks.check_upgraded(empty, before, keys, usage)
