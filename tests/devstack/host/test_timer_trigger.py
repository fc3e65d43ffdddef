"""The timer trigger against a real Azurite."""

import json
from datetime import datetime, timedelta

import pytest
from azure.storage.blob import BlobServiceClient

from tests.devstack.host.running import Host, lines, timer_function, wait_for, write_app

RECORD = """
import json
from pathlib import Path
import azure.functions as func

def main(timer: func.TimerRequest):
    with (Path(__file__).parent / "seen.jsonl").open("a") as out:
        out.write(json.dumps([timer.past_due, timer.schedule, timer.schedule_status]) + "\\n")
    if (Path(__file__).parent / "fail").exists():
        raise RuntimeError("not today")
"""


@pytest.fixture
def app(tmp_path, storage):
    functions = {
        "Fast": timer_function(RECORD, schedule="*/1 * * * * *"),
        "Hourly": timer_function(RECORD, schedule="%WHEN%"),
        "AtStart": timer_function(RECORD, schedule="0 0 3 * * *", runOnStartup=True),
        "Off": timer_function(RECORD, schedule="*/1 * * * * *"),
    }
    values = {"AzureWebJobsStorage": storage, "WHEN": "0 0 * * * *", "AzureWebJobs_Off_Disabled": "true"}
    return write_app(tmp_path / "app", functions, values=values)


def seen(app, name):
    return lines(app / name / "seen.jsonl")


def status_blob(app, storage, name):
    from devstack.host.settings import AppSettings, host_id

    path = f"timers/{host_id(app.resolve(), AppSettings({}))}/Host.Functions.{name}/status"
    return BlobServiceClient.from_connection_string(storage).get_blob_client("azure-webjobs-hosts", path)


def test_story_of_a_timer(app, storage):
    (app / "Fast" / "fail").touch()
    with Host(app) as host:
        wait_for(lambda: len(seen(app, "Fast")) >= 2)
        # An error does not stop the schedule; below a minute nothing is kept.
        assert seen(app, "Fast")[0] == [False, {"AdjustForDST": True}, {}]
        assert not status_blob(app, storage, "Fast").exists()
        wait_for(lambda: seen(app, "AtStart"))
        stored = json.loads(
            wait_for(lambda: status_blob(app, storage, "Hourly").exists())
            and status_blob(app, storage, "Hourly").download_blob().readall()
        )
        assert stored["Last"] == "0001-01-01T00:00:00"
        assert set(stored) == {"Last", "Next", "LastUpdated"}
        assert seen(app, "Hourly") == []
        for name in ("Hourly", "Off"):
            assert host.run_now(name).status == 202
            wait_for(lambda name=name: seen(app, name))
        assert seen(app, "Hourly")[0][2]["Next"] == stored["Next"]
        assert len(seen(app, "Off")) == 1
        # The lock is held: a second host over the same folder waits.
        with Host(app) as second:
            wait_for(lambda: "another host holds the lock of 'Hourly'" in second.log)
        assert host.stop() == 0

    # Standstill: the stored slot has passed.
    missed = datetime.fromisoformat(stored["Next"]) - timedelta(hours=3)
    past = {
        "Last": (missed - timedelta(hours=1)).isoformat(),
        "Next": missed.isoformat(),
        "LastUpdated": missed.isoformat(),
    }
    status_blob(app, storage, "Hourly").upload_blob(json.dumps(past), overwrite=True)
    with Host(app):
        wait_for(lambda: len(seen(app, "Hourly")) == 2)
        assert seen(app, "Hourly")[1][0] is True
        wait_for(
            lambda: json.loads(status_blob(app, storage, "Hourly").download_blob().readall())["Next"] == stored["Next"]
        )
    assert len(seen(app, "Hourly")) == 2
