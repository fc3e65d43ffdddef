"""A batch that runs into a limit: what fits is done, the rest waits and says why and until when."""

import contextlib
import json
import re
import threading
from datetime import UTC, datetime, timedelta

import pytest

from shared_code.blobs.conditions import POISONED
from shared_code.cli.main import main
from shared_code.database.stores.quotas import quota_changes
from shared_code.errors import ServiceError
from shared_code.rollup.run import sweep_blobs
from tests.integration.blobs.stack import SAMPLES, unique

COMPANY, FILES, FIT = "LIMITED", 24, 20


@pytest.fixture
def upload(stack, monkeypatch, capsys, tmp_path):
    """``manage.py upload --wait`` with so many new files, beside a timer that ticks every second."""
    for name in ("AzureWebJobsStorage", "DATABASE_URL"):
        monkeypatch.setenv(name, stack.environment[name])

    def run(number, *arguments, seconds=900):
        paths = []
        for i in range(number):
            paths.append(tmp_path / f"{number} {i:03}.pdf")
            paths[-1].write_bytes(unique(SAMPLES / "ghana-vat-invoice.pdf"))
        with ticking(stack):
            code = main(
                ["upload", *map(str, paths), "--company", COMPANY, "--wait", "--timeout", str(seconds), *arguments]
            )
        return code, capsys.readouterr().out

    return run


@contextlib.contextmanager
def ticking(stack):
    """The timer's sweep with a clock two minutes ahead: what running requests held back has its turn at once."""
    over = threading.Event()

    def tick():
        while not over.wait(1):
            stack.now = datetime.now(UTC) + timedelta(minutes=2)
            with contextlib.suppress(ServiceError):
                sweep_blobs(stack.services.rollup)

    thread = threading.Thread(target=tick)
    thread.start()
    yield
    over.set()
    thread.join()


def set_limit(stack, tokens):
    stack.services.database.run(
        lambda connection: quota_changes.set_quota(
            connection,
            company_id=COMPANY,
            scope="company",
            subject="",
            limits=(None, tokens),
            day=stack.services.clock().date(),
        )
    )


@pytest.mark.long
def test_a_batch_that_runs_into_a_limit_ends_with_what_waits_why_and_until_when(stack, upload):
    stack.add_key(COMPANY)
    code, said = upload(1, "--json")
    (done,) = json.loads(said)
    assert (code, done["outcome"]) == (0, "result")
    used = stack.read(f"{done['blob']}.json")[0]["data"]["usage"]["total_tokens"]
    set_limit(stack, used + 10)
    code, said = upload(2)
    assert code == 1
    lines = said.splitlines()
    assert "2 waiting" in lines
    told = re.search(
        r"^2 waiting until (\d{4}-\d\d-01 00:00 UTC): QUOTA_EXCEEDED: The monthly limit of your company .* "
        r"needs at least (\d+)\. It resets at",
        said,
        re.MULTILINE,
    )
    assert told, said
    until, least = told[1], int(told[2])
    set_limit(stack, used + (FIT - 1) * used + least + used // 2)
    code, said = upload(FILES)
    assert code == 1
    # Two of the places go to the files from before, if the sweep came to them.
    summary = next(line for line in said.splitlines() if re.fullmatch(r"\d+ done, \d+ waiting", line))
    done, waiting = map(int, re.findall(r"\d+", summary))
    assert done + waiting == FILES
    assert FIT - 2 <= done <= FIT
    assert f"{waiting} waiting until {until}: QUOTA_EXCEEDED" in said, "\n".join(said.splitlines()[-6:])
    # A machine that is busy may be told with a trace, and passes; a limit is no fault.
    assert "errors.QuotaExceeded" not in stack.running.log
    assert stack.poison() == []
    listed = json.loads(stack.manage("blobs", "list", "--prefix", f"{COMPANY}/", "--json").stdout)
    assert {(row["state"], row["code"], row["why"][:23]) for row in listed} == {
        ("waiting", "QUOTA_EXCEEDED", "The monthly limit of yo")
    }
    assert len(listed) == waiting + 2 - (FIT - done)
    assert all(row["waits_until"] and row["next_try"] for row in listed)


@pytest.mark.long
def test_the_files_are_read_when_the_limit_has_room_again(stack):
    waiting = [name for name in stack.open_alerts(POISONED) if name.startswith(f"{COMPANY}/")]
    assert waiting
    set_limit(stack, 10**9)
    stack.now += timedelta(hours=1)
    sweep_blobs(stack.services.rollup)
    assert not [name for name in stack.open_alerts(POISONED) if name.startswith(f"{COMPANY}/")]
