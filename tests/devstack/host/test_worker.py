"""What the host uses of the worker library that is not its public interface, and what it reports of long runs."""

import importlib.metadata
import inspect

import azure_functions_runtime_v1.native_invocation as native

from devstack.host.invocations import Invocations
from devstack.host.worker import InvocationResult


def test_the_pinned_worker_has_the_entry_that_the_host_drives():
    """Not a public name: whoever raises the pin learns here what has to be looked at."""
    assert importlib.metadata.version("azure-functions-runtime-v1") == "1.2.0"
    names = ["invocation_id", "function_id", "inputs", "trigger_metadata", "trace_parent"]
    for entry in (native.invocation_request_native, native.run_invocation_sync):
        assert list(inspect.signature(entry).parameters)[:5] == names
    assert inspect.iscoroutinefunction(native.invocation_request_native)


def test_runs_beyond_the_limits_are_reported_once_each(monkeypatch):
    now = [0.0]
    warnings = []

    class SlowWorker:
        def invoke(self, *_):
            for now[0] in (100.0, 231.0, 240.0, 601.0, 700.0):
                invocations.report_overdue()
            return InvocationResult(ok=True, returned=None, outputs={})

    invocations = Invocations(SlowWorker(), function_timeout_seconds=600, clock=lambda: now[0])
    monkeypatch.setattr("devstack.host.invocations.log.warning", lambda text, *parts: warnings.append(text % parts))
    invocations.run("Slow", [], reason="test", through_gateway=True)
    assert ["230 s: in Azure the caller has been cut off" in line for line in warnings] == [True, False]
    assert "600 s: functionTimeout" in warnings[1]
    warnings.clear()
    now[0] = 0.0
    invocations.run("Slow", [], reason="timer")
    assert len(warnings) == 1
