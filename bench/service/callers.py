"""The other end of a measuring process: takes one order per line, runs the calls, answers with their times.

Each way of asking (:mod:`.floor`, :mod:`.pipeline`, :mod:`.upload`) is a process of its own, so that none of them
warms the caches of another, and the processor time of each can be read from outside.
"""

import itertools
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.documents import Template, load


@dataclass(frozen=True)
class Order:
    """``calls`` documents of one kind, numbered from ``first`` on, by so many callers at once."""

    kind: str
    first: int
    calls: int
    callers: int


@dataclass(frozen=True)
class Timing:
    """Seconds of each call, and from the first call's start to the last one's end."""

    seconds: list[float]
    wall_seconds: float


#: runs an order; raises what a call raises
Run = Callable[[Template, Order], Timing]


def serve(folder: Path, run: Run, facts: Callable[[], dict[str, Any]] = dict) -> None:
    """Answer orders from standard input until it ends.

    :param folder: where the templates of the documents lie.
    :param facts: what is answered to the line ``facts``.
    """
    # What a library prints must not stand between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    sys.stdout = sys.stderr
    templates: dict[str, Template] = {}
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        if line.strip() == "facts":
            answer: dict[str, Any] = facts()
        else:
            order = Order(**json.loads(line))
            template = templates.setdefault(order.kind, load(folder, order.kind))
            try:
                answer = asdict(run(template, order))
            except Exception as error:  # noqa: BLE001 - whatever a call raises ends the measurement, there
                traceback.print_exc()
                answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def in_threads(call: Callable[[bytes], None]) -> Run:
    """Runs orders with one thread per caller; each takes the next document as soon as it is free."""

    def run(template: Template, order: Order) -> Timing:
        numbers = itertools.count(order.first)
        lock, seconds = threading.Lock(), []

        def caller() -> None:
            while True:
                with lock:
                    number = next(numbers)
                if number >= order.first + order.calls:
                    return
                data = template.document(number)
                started = time.perf_counter()
                call(data)
                seconds.append(time.perf_counter() - started)

        with ThreadPoolExecutor(order.callers) as pool:
            began = time.perf_counter()
            for done in [pool.submit(caller) for _ in range(order.callers)]:
                done.result()
            return Timing(seconds, time.perf_counter() - began)

    return run
