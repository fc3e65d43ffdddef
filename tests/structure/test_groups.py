"""What shares a running stack is run by one worker; all other tests go to whichever worker is free."""

import pytest

from tests.groups import group_of


@pytest.mark.parametrize(
    ("test", "group"),
    [
        ("tests/e2e/test_http.py::test_a", "e2e"),
        ("tests/e2e/test_documents.py::test_b[1-2]", "e2e"),
        ("tests/browser/test_review_people.py::test_a", "browser"),
        ("tests/browser/test_every_page.py::test_a", "browser: pages"),
        ("tests/e2e/test_telemetry.py::test_a", "tests/e2e/test_telemetry.py"),
        ("tests/e2e/test_databases.py::test_a[sqlite]", "tests/e2e/test_databases.py::test_a[sqlite]"),
        ("tests/devstack/host/test_start.py::test_a", "tests/devstack/host/test_start.py"),
        ("tests/integration/blobs/test_sweep.py::test_a", "tests/integration/blobs/test_sweep.py"),
        ("tests/integration/database/test_faults.py::test_a", "tests/integration/database/test_faults.py"),
        (
            "tests/integration/rollup/test_fold.py::test_a[mssql]",
            "tests/integration/rollup/test_fold.py::test_a[mssql]",
        ),
        ("tests/unit/web/test_platform_login.py::test_a", "tests/unit/web/test_platform_login.py::test_a"),
    ],
)
def test_a_group_is_told_by_the_folder(test, group):
    assert group_of(test) == group
