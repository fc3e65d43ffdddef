"""Where the processor time of an upload goes: the pipeline in process, part by part, with a model that answers at once.

The functions of each part are wrapped; what a thread uses within one counts for it, less what it uses within others.
So the parts add up to what the service itself uses, and ``rest`` is what is in none of them.
"""

import importlib
import statistics
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import psutil

from bench import rig
from bench.service.comparison import forget_settings
from bench.service.model import Model

_WARM, _ROUNDS, _CALLS = 40, 5, 60
#: the writers in the background have written by then
_FLUSH_SECONDS = 3.0

#: part: functions, as ``module:name``
_PARTS = {
    "SDK and HTTP": ("providers.gemini.client:GeminiProvider.generate",),
    "database: keys": ("metering.keys:KeyFinder.usable_keys",),
    "database: claim and reserve": ("metering.ledger:Ledger.reserve",),
    "database: earlier documents": ("extraction.answer_review:find_earlier",),
    "database: settle": ("metering.ledger:Ledger.book",),
    "evidence: index of the page": ("invoices.text_layer:TextLayer.index",),
    "evidence: places of values": ("invoices.evidence.find:find_evidence", "invoices.result:find_evidence"),
    "judging: values and grounding": ("extraction.late_reading:Answers.read", "extraction.answer_review:hear"),
    "judging: checks": ("extraction.late_reading:Verdicts.result",),
    "answer as JSON": ("extraction.answer_review:finished", "extraction.answer_review:stored_data"),
    "hand-over to the sandbox": ("extraction.service:open_document", "extraction.page_evidence:page_texts"),
    "logging": ("database.application_log:DatabaseLogHandler.emit", "database.stores.operations.logs:insert_logs"),
    "bounds": ("extraction.call_plan:CallPlan.token_request", "invoices.table_rows:count_rows"),
}


class _Meter:
    """Processor seconds by part, of all threads."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._local = threading.local()

    def wrapped(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def measured(*arguments: Any, **options: Any) -> Any:
            open_parts = self._local.__dict__.setdefault("open_parts", [])
            open_parts.append(0.0)
            started = time.thread_time()
            try:
                return function(*arguments, **options)
            finally:
                used = time.thread_time() - started
                self.seconds[part] += used - open_parts.pop()
                if open_parts:
                    open_parts[-1] += used

        return measured

    def watch(self) -> None:
        for part, places in _PARTS.items():
            for place in places:
                module, _, name = place.partition(":")
                holder: Any = importlib.import_module(f"shared_code.{module}")
                *outer, last = name.split(".")
                for each in outer:
                    holder = getattr(holder, each)
                if hasattr(holder, last):
                    setattr(holder, last, self.wrapped(part, getattr(holder, last)))


def main() -> None:
    forget_settings()
    meter = _Meter()
    meter.watch()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, rig.gemini() as url:
        telemetry = {"APPLICATIONINSIGHTS_CONNECTION_STRING": Model(url).connection_string}
        database = {"DATABASE_URL": f"sqlite:///{Path(folder) / 'parts.db'}", "LOG_LEVEL": "INFO"}
        with rig.environment(url, **telemetry, **database):
            rounds = _rounds(meter)
    for part in (*_PARTS, "rest", "the service itself", "children"):
        print(f"{statistics.median(figures[part] for figures in rounds):8.2f} ms  {part}")


def _rounds(meter: _Meter) -> list[dict[str, float]]:
    """Milliseconds of each part per call, round by round."""
    from shared_code import bootstrap
    from shared_code.extraction.submission import Submission
    from shared_code.records import Caller, CallIdentity, Source

    versions, services = rig.Versions(), bootstrap.services().ready()

    def call() -> None:
        identity = CallIdentity(str(uuid.uuid4()), Caller(rig.COMPANY, "u", "b"), Source.HTTP)
        services.extraction.extract(Submission(versions(), identity, 200.0, "invoice.pdf", "application/pdf"))

    for _ in range(_WARM):
        call()
    found = []
    for _ in range(_ROUNDS):
        time.sleep(_FLUSH_SECONDS)
        meter.seconds.clear()
        own, children = time.process_time(), _children_seconds()
        for _ in range(_CALLS):
            call()
        time.sleep(_FLUSH_SECONDS)
        figures = dict.fromkeys(_PARTS, 0.0) | dict(meter.seconds)
        whole = time.process_time() - own
        figures |= {"rest": whole - sum(figures.values()), "the service itself": whole}
        figures["children"] = _children_seconds() - children
        found.append({part: seconds / _CALLS * 1000 for part, seconds in figures.items()})
    return found


def _children_seconds() -> float:
    """Processor seconds of the processes in which documents are parsed."""
    below = [one for one in psutil.Process().children() if "sandbox" in " ".join(one.cmdline())]
    return sum(one.cpu_times().user + one.cpu_times().system for one in below)
