"""The Python worker, driven in this process through its entry without protobuf (``native_invocation``).

The entry is not a public name of ``azure-functions-runtime-v1``; the exact version is pinned and a contract test holds
what is used here. Nothing else in the host knows the worker's names.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from devstack.host.discovery import FunctionDefinition

log = logging.getLogger("devstack.host")


@dataclass(frozen=True)
class InvocationResult:
    """What came back from a function: its outputs as the worker's Datum objects, or why it failed."""

    ok: bool
    returned: Any
    outputs: Mapping[str, Any]
    #: ``repr`` of the exception and its traceback; empty when ok
    error: str = ""
    traceback: str = ""


def datum(value: Any, kind: str) -> Any:
    """A value in the worker's own intermediate type: string, bytes, json or http."""
    from azure_functions_runtime_v1.bindings.datumdef import Datum

    return Datum(value, kind)


class Worker:
    """Loads functions and runs them: ``def`` in the worker's thread pool, ``async def`` on one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="worker-loop", daemon=True)

    def start(self) -> None:
        """Initialise the worker library. ``PYTHON_THREADPOOL_THREAD_COUNT`` must be in the environment by now."""
        from azure_functions_runtime_v1.handle_event import worker_init_request
        from azure_functions_runtime_v1.utils.threadpool import start_threadpool_executor

        self._thread.start()
        request = SimpleNamespace(
            request=SimpleNamespace(worker_init_request=SimpleNamespace(capabilities={})),
            properties={"host": "127.0.0.1", "protos": _PROTOS},
        )
        self._await(worker_init_request(request))
        start_threadpool_executor()

    def load(self, function: FunctionDefinition) -> str | None:
        """Import the function and check its signature against function.json. Returns what is wrong, or None."""
        from azure_functions_runtime_v1.handle_event import function_load_request

        metadata = SimpleNamespace(
            name=function.name,
            directory=str(function.directory),
            script_file=str(function.script_file),
            entry_point=function.entry_point,
            bindings={
                binding.name: SimpleNamespace(
                    type=binding.type,
                    direction=_DIRECTIONS[binding.direction],
                    data_type=_DATA_TYPES.get(binding.data_type or "", 0),
                )
                for binding in function.bindings
            },
        )
        load = SimpleNamespace(function_id=function.name, metadata=metadata)
        request = SimpleNamespace(request=SimpleNamespace(function_load_request=load))
        result = self._await(function_load_request(request)).result
        if result.status == _StatusResult.Success:
            return None
        # The worker wraps import errors and adds sys.path twice; what a person needs is the first traceback.
        message = str(result.exception.message).split(" Current sys.path:", 1)[0]
        trace = str(result.exception.stack_trace).split("\nDuring handling of the above exception", 1)[0]
        return f"{message}\n{trace}".strip()

    def invoke(
        self,
        invocation_id: str,
        function: str,
        inputs: Sequence[tuple[str, Any]],
        metadata: Mapping[str, Any],
        trace_parent: str,
    ) -> InvocationResult:
        """Run a function and wait for it, however long it takes."""
        from azure_functions_runtime_v1.native_invocation import invocation_request_native, run_invocation_sync

        call = (invocation_id, function, inputs, metadata, trace_parent)
        handled, ok, returned, outputs, error, trace = run_invocation_sync(*call)
        if not handled:
            ok, returned, outputs, error, trace = self._await(invocation_request_native(*call))
        sys.stdout.flush()
        return InvocationResult(ok, returned, dict(outputs), error or "", trace or "")

    @property
    def pids(self) -> list[int]:
        """Processes of its own: none."""
        return []

    def close(self, _seconds: float) -> None:
        """It ends with the host's process."""

    def _await(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class _Message:
    """Stands in for a protobuf message: keeps what it is given."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class _StatusResult(_Message):
    Failure = 0
    Success = 1

    status: int
    exception: Any


class _BindingInfo(_Message):
    """Directions and data types, as the worker compares them."""

    undefined = 0
    out = 1
    inout = 2


_DIRECTIONS = {"in": 0, "out": _BindingInfo.out, "inout": _BindingInfo.inout}
_DATA_TYPES = {"string": 1, "binary": 2, "stream": 3}
_PROTOS = SimpleNamespace(
    WorkerInitResponse=_Message,
    WorkerMetadata=_Message,
    FunctionMetadataResponse=_Message,
    FunctionLoadResponse=_Message,
    RpcException=_Message,
    StatusResult=_StatusResult,
    BindingInfo=_BindingInfo,
)
