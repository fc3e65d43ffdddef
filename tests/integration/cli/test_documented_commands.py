"""Every command of manage.py that a page shows, run as it stands there, on a database with one company.

The parsing of all commands, those of others included, is tests/structure/test_documented_commands.py; pages whose
answers are compared have tests of their own in tests/e2e.
"""

import shutil

import pytest

from tests.documented_commands import PAGES, ROOT, of_page
from tests.integration.database import seed_database

KEY = "AIzaSyDocumented0123456789abcdefghijklm"
#: first words -> why the command may end with 1 on a database with one company, without storage and without a reading
MAY_FAIL = {
    "upload": "there is no storage here; tests/e2e runs it",
    "blobs": "the same",
    "extractions show": "there is no such reading",
    "extractions erase": "the same",
    "reviews show": "the same",
    "reviews decide": "the same",
    "reviews next": "nothing waits for a person",
    "alerts close": "there is no such alert",
    "admin-keys revoke": "there is no such key",
    "webhooks test": "nobody listens at the address of the example",
    "webhooks redeliver": "there is no such message",
    "diagnose": "it finds that the timer has not run for long, or that there is no storage",
    "company status": "1 says that the company is down",
    "rollup run": "a step needs storage",
    "extract": "the file of the example is not there",
    "evidence": "the same",
    "import-legacy": "1 says that something in the earlier database waits for a decision",
    "tokens add": "an earlier page has stored the same key, or the company has it",
    "tokens rotate": "the same",
    "quota delete": "an earlier line has taken it away",
    "quota reset": "the same",
    "company set-zone": "the zone of the example may be another machine's",
    "export": "files of an earlier line are there",
}
#: not run here, and where they are
NOT_HERE = {"evaluate": "tests/integration/cli/test_evaluate.py", "upload": "tests/e2e", "count-tokens": None}


@pytest.fixture
def company(manage, tmp_path, monkeypatch):
    """NT047 with a key, a limit and a webhook, in a folder with the samples."""
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    shutil.copy(ROOT / "tests" / "data" / "invoices" / "fx-DATA-002.xml", tmp_path / "invoice.xml")
    seed_database.make_seed_database(f"sqlite:///{tmp_path / 'earlier.db'}", keys=12, usage_rows=20)
    monkeypatch.setenv("LEGACY_DATABASE", f"sqlite:///{tmp_path / 'earlier.db'}")
    monkeypatch.chdir(tmp_path)
    for arguments, stdin in (
        (("tokens", "add", "NT047", "--name", "RUBI TRADERS Pvt ltd"), KEY),
        (("quota", "set", "NT047", "--user", "bzumah", "--daily", "500000"), ""),
        (("webhooks", "set", "NT047", "--url", "https://hooks.example.com/invoices"), ""),
    ):
        code, _, err = manage(*arguments, stdin=stdin)
        assert code == 0, err


def shown_on(page):
    return [
        shown
        for shown in of_page(page)
        if shown.is_typed and shown.words[:2] == ("python", "manage.py") and shown.words[2] not in NOT_HERE
    ]


WITH_COMMANDS = [page for page in PAGES if shown_on(page)]


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.stem)
def test_every_command_of_the_page_runs(page, manage):
    wrong = []
    for number, shown in enumerate(shown_on(page)):
        arguments = [word for word in shown.words[2:] if not word.startswith("[")]
        code, out, err = manage(*arguments, stdin=f"AIzaSyPage{number:04d}0123456789abcdefghij\n")
        may_fail = any(" ".join(arguments).startswith(words) for words in MAY_FAIL)
        if code not in ({0, 1} if may_fail else {0}) or "Traceback" in err:
            wrong.append(f"{shown}\n    {code} {str(out)[-200:]} {err[-300:]}")
    assert wrong == [], "\n".join(wrong)


def test_pages_that_tell_how_to_operate_are_among_them():
    assert {"README", "quick-start", "operations", "runbook", "migration", "troubleshooting"} <= {
        page.stem for page in WITH_COMMANDS
    }
