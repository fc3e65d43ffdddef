"""Kills, a model that is away, a cause that hits one company only: everything is finished in the end, once."""

import json

import pytest

from shared_code.blobs.names import result_name
from shared_code.cli.main import main
from tests.devstack.host.running import wait_for
from tests.integration.blobs.stack import SAMPLES, BlobStack, unique

#: runs at once, by host.json
PARALLEL = 4
EXECUTED = "Executed 'Functions.UsageRollupFunction'"


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Storage and model for tests that start, and break, their own host."""
    with BlobStack(tmp_path_factory.mktemp("recovery"), visibility=2, MAX_RETRIES="1") as stack:
        yield stack


def drop_many(stack, folder, count):
    names = [f"NT047/{folder}/{number:02d}.pdf" for number in range(count)]
    for name in names:
        stack.drop(name, unique(SAMPLES / "ghana-vat-invoice.pdf"))
    return names


def missing(stack, names):
    """Those without a result."""
    return {result_name(name) for name in names} - set(stack.names())


def run_timer(host):
    """One run of the timer, to its end."""
    done = host.log.count(EXECUTED)
    host.run_now("UsageRollupFunction")
    wait_for(lambda: host.log.count(EXECUTED) > done, seconds=30)


@pytest.mark.long
def test_a_host_killed_in_the_middle_costs_at_most_the_calls_that_were_under_way(stack):
    before = len(stack.billed_calls())
    stack.gemini.latency(150)
    names = drop_many(stack, "killed", 12)
    with stack.host() as host:
        wait_for(lambda: len(missing(stack, names)) <= 9, seconds=30)
        host.kill()
    left = len(missing(stack, names))
    with stack.host():
        wait_for(lambda: not missing(stack, names), seconds=40)
    stack.gemini.latency(0)
    print(f"killed with {left} of 12 files unanswered; {len(stack.billed_calls()) - before} calls for 12 documents")
    assert not [name for name in stack.names() if name.endswith(".error.json")]
    assert 12 <= len(stack.billed_calls()) - before <= 12 + PARALLEL


@pytest.mark.soak
def test_a_model_that_was_away_costs_nobody_a_hand_and_no_file_a_second_call(stack):
    before = len(stack.billed_calls())
    stack.gemini.fault("overloaded_503", times=0)
    names = drop_many(stack, "away", 6)
    with stack.host() as host:
        wait_for(lambda: len(stack.poison()) == 6, seconds=40)
        run_timer(host)
        assert any(one.details["tries"] for one in stack.open_alerts("blob_poisoned").values())
        assert missing(stack, names) == {result_name(name) for name in names}
        stack.gemini.script.clear()

        def swept():
            run_timer(host)
            return not missing(stack, names)

        # Those whose first pause has not passed wait for a later run.
        wait_for(swept, seconds=30)
        wait_for(lambda: stack.poison() == [] and stack.open_alerts("blob_poisoned") == {})
    assert len(stack.billed_calls()) - before == 6


@pytest.mark.long
def test_one_company_in_trouble_is_poisoned_alone_and_finished_by_hand(stack, monkeypatch, capsys):
    before = len(stack.billed_calls())
    secret = stack.add_key("SICK")
    stack.gemini.fault("unavailable_503", key=secret, times=0)
    stack.drop("SICK/one.pdf")
    healthy = drop_many(stack, "healthy", 4)
    with stack.host() as host:
        wait_for(lambda: stack.poison() == ["SICK/one.pdf"], seconds=30)
        wait_for(lambda: "reached MaxDequeueCount of 5" in host.log)
        wait_for(lambda: not missing(stack, healthy))
        run_timer(host)
    assert stack.open_alerts("blob_poisoned")["SICK/one.pdf"].severity == "error"
    assert stack.poison() == ["SICK/one.pdf"]
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    assert main(["blobs", "list", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["blob"], row["state"], row["code"]) == ("SICK/one.pdf", "poisoned", "PROVIDER_UNAVAILABLE")
    [failing] = stack.services.blobs.sweep.retry()
    assert failing.code == "PROVIDER_UNAVAILABLE"
    assert stack.poison() == ["SICK/one.pdf"]

    stack.gemini.script.clear()
    mended = stack.manage("blobs", "retry")
    assert mended.returncode == 0, mended.stderr
    assert stack.read("SICK/one.pdf.json")[0]["status"] == "success"
    assert (stack.poison(), stack.open_alerts("blob_poisoned")) == ([], {})
    assert len(stack.billed_calls()) - before == 5
