"""Threads, seats, memory, connections and jobs of a deployment as it is by default belong together."""

import json

import pytest

from bench.simulation.sizes import Sizes, problems
from shared_code.bootstrap.uploads import default_upload_memory
from shared_code.documents.sandbox import pool as sandbox
from shared_code.records import BYTES_PER_MB
from shared_code.settings import Settings
from tests.infra.bicep import ROOT, evaluate, module

#: processors of an instance of Flex Consumption by its memory (Microsoft Learn, Flex Consumption plan)
FLEX_CORES = {512: 0.25, 2048: 1, 4096: 2}
#: of Elastic Premium EP1
EP1_CORES, EP1_MB = 1, 3_584


def deployed(*, flex):
    parameters = {name: each["default"] for name, each in module("main")["parameters"].items() if "default" in each}
    given, tree = module("main")["modules"]["settings"]["config"]["params"], module("pool")
    processes = parameters["processesPerInstance"]
    connections = {
        "maxVCores": parameters["sqlMaxVCores"],
        "maximumInstances": parameters["maximumInstances"],
        "processesPerInstance": processes,
        "groups": 4 if flex else 1,
        "instancesBeyondControl": 60 if flex else 0,
        "reserved": 20,
    }
    pool = {key: evaluate(each["value"], connections, tree["variables"]) for key, each in tree["outputs"].items()}
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]
    memory = parameters["instanceMemoryMB"] if flex else EP1_MB
    fields = Settings.model_fields
    assert fields["max_upload_memory_mb"].default is None
    return Sizes(
        FLEX_CORES[memory] if flex else EP1_CORES,
        memory,
        processes=processes,
        concurrency=parameters["httpConcurrency"],
        uploads=fields["max_concurrent_uploads"].default,
        upload_mb=default_upload_memory(memory * BYTES_PER_MB) // BYTES_PER_MB,
        children=sandbox._PROCESSES,
        connections=pool["poolSize"] + pool["maxOverflow"],
        threads=given["threads"],
        jobs=host["queues"]["batchSize"] + host["queues"]["newBatchThreshold"],
        blobs=host["blobs"]["maxDegreeOfParallelism"],
        apart=flex,
    )


@pytest.mark.parametrize("flex", [True, False], ids=["Flex Consumption", "Elastic Premium"])
def test_a_deployment_with_defaults_keeps_the_rule(flex):
    assert problems(deployed(flex=flex)) == []


def test_local_settings_have_the_threads_of_a_deployment():
    values = json.loads((ROOT / "local.settings.json").read_text(encoding="utf-8"))["Values"]
    assert int(values["PYTHON_THREADPOOL_THREAD_COUNT"]) == deployed(flex=True).threads
