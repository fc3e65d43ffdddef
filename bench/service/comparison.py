"""The whole comparison: starts what is needed, measures cell after cell, prints, writes, ends everything."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import documents, rig
from bench.documents import ROOT
from bench.service import machine, output, report, starts, targets
from bench.service.callers import Order
from bench.service.cells import BASE, FLOOR, FULL, HTTP, HTTP_TWO, PIPELINE, POSTGRESQL, SQLITE, Cell
from bench.service.children import BenchFailed, LocalStack, Worker, undisturbed
from bench.service.model import Model
from bench.service.roles import Tree
from bench.service.rounds import FLUSH_SECONDS, Numbers, Side, learn_idle, measure, warm_up

_FLOOD_SECONDS = 2.0
_BUSY_CALLERS, _BUSY_CALLS = 64, 512


def run(*, cells: Sequence[Cell], rounds: int, publish: bool) -> None:
    """Measure. Raises BenchFailed, and KeyboardInterrupt when somebody asks it to end; nothing is left running."""
    forget_settings()
    ending = ExitStack()
    try:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))
        results = _Comparison(folder, ending, rounds).run(cells) | {"full": cells == FULL}
    except subprocess.CalledProcessError as error:
        raise BenchFailed(f"{error}\n{(error.stderr or b'').decode(errors='replace')[-2000:]}") from error
    finally:
        with undisturbed():
            ending.close()
    written = output.write(results)
    print(f"\nWritten: {written.relative_to(ROOT)}, .md, .svg")
    if publish:
        output.publish(results)
        print(f"Written: {output.PAGE.relative_to(ROOT)} and its picture")


class _Comparison:
    """Processes and figures of one run; ``ending`` ends what was started, the last first."""

    def __init__(self, folder: Path, ending: ExitStack, rounds: int) -> None:
        self._folder, self._ending, self._rounds = folder, ending, rounds
        documents.build(folder)
        self._numbers = Numbers()
        self._model = Model(ending.enter_context(rig.gemini()))
        self._model_tree = Tree(self._model.counts()["pid"])
        self._floor = self._worker("floor", self._model.url)

    def run(self, cells: Sequence[Cell]) -> dict[str, Any]:
        """Everything; prints each cell as soon as it is measured."""
        results: dict[str, Any] = {"machine": machine.facts(), "cells": []}
        print(report.machine_line(results), flush=True)
        sides, stack = self._sides(SQLITE, cells)
        warm_up(sides, BASE, self._numbers)
        settings = os.environ | stack.settings()
        results["starts"] = starts.measure(self._folder, settings, self._numbers.take(starts.RUNS))
        learn_idle(sides[1:], lambda: results.update(capacity=self._capacity()))
        print(*report.remarks(results), sep="\n", flush=True)
        for database in dict.fromkeys(cell.database for cell in cells):
            if database != SQLITE:
                sides, _ = self._sides(database, cells)
                warm_up(sides, BASE, self._numbers)
                time.sleep(FLUSH_SECONDS)
                learn_idle(sides[1:], lambda: time.sleep(FLUSH_SECONDS))
            for cell in (each for each in cells if each.database == database):
                taking_part = [side for side in sides if side.way in cell.ways]
                measured = measure(cell, taking_part, self._model, self._numbers, self._rounds)
                results["cells"].append(measured)
                print(f"\n{report.terminal(measured)}", flush=True)
        print("", *targets.lines(results["cells"]), sep="\n", flush=True)
        return results

    def _sides(self, database: str, cells: Sequence[Cell]) -> tuple[list[Side], LocalStack]:
        """The ways of the cells on this database; pipeline and stacks on one of their own each."""
        by_two = any(cell.by_two and cell.database == database for cell in cells)
        urls: list[str | None] = [f"sqlite:///{self._folder}/pipeline.db", None, None]
        servers: list[Tree] = []
        if database == POSTGRESQL:
            server = self._ending.enter_context(rig.postgresql())
            urls = [server.new_database(name) for name in ("pipeline", "stack", "stack_two")]
            servers.append(Tree(server.pid))
        env = {"APPLICATIONINSIGHTS_CONNECTION_STRING": self._model.connection_string}
        others = [self._model_tree, *servers]
        over_http, stack = self._over_http(HTTP, database, urls[1], env, others)
        env_two = env | {"FUNCTIONS_WORKER_PROCESS_COUNT": "2"}
        further = [self._over_http(HTTP_TWO, database, urls[2], env_two, others)[0]] if by_two else []
        env |= {
            "DATABASE_URL": str(urls[0]),
            "GEMINI_BASE_URL": self._model.url,
            "TOKEN_ENCRYPTION_KEYS": rig.RING,
            "PYTHON_THREADPOOL_THREAD_COUNT": "32",
        }
        pipeline = self._worker("pipeline", env=env)
        return [
            Side(FLOOR, self._floor, Tree(self._floor.pid), [self._model_tree]),
            Side(PIPELINE, pipeline, Tree(pipeline.pid), others),
            over_http,
            *further,
        ], stack

    def _over_http(
        self, way: str, database: str, url: str | None, env: dict[str, str], others: Sequence[Tree]
    ) -> tuple[Side, LocalStack]:
        """A stack of its own, and a client for it."""
        folder = self._folder / f"stack-{database}-{way.replace(' ', '-')}"
        stack = LocalStack(folder, gemini_url=self._model.url, database=url, env=env)
        self._ending.callback(stack.end)
        pids = stack.wait_until_ready()
        add_key = [sys.executable, "-c", "from bench.rig import add_key; add_key()"]
        subprocess.run(add_key, cwd=ROOT, env=os.environ | stack.settings(), check=True, capture_output=True)
        client = self._worker("upload", stack.port)
        beside = [Tree(pid) for name, pid in pids.items() if name not in {"host", "dev"}]
        return Side(way, client, Tree(pids["host"]), [*others, *beside, Tree(client.pid)]), stack

    def _worker(self, module: str, *arguments: object, env: dict[str, str] | None = None) -> Worker:
        worker = Worker(module, self._folder, *arguments, log=self._folder / f"{module}.log", env=env)
        self._ending.callback(worker.end)
        return worker

    def _capacity(self) -> dict[str, float]:
        """What the stand-in serves, beside what the bare SDK asks of it with many callers."""
        self._model.set_latency(0)
        before = self._model.counts()
        command = [sys.executable, "-m", "bench.service.flood", str(self._folder), self._model.url, str(_FLOOD_SECONDS)]
        flooded = float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
        after = self._model.counts()
        self._model.set_latency(BASE.latency_ms)
        for calls in (_BUSY_CALLERS, _BUSY_CALLS):
            order = Order("page", self._numbers.take(calls), calls, _BUSY_CALLERS)
            timing = self._floor.run(order)
        asked = _BUSY_CALLS / timing.wall_seconds
        cpu_ms = (after["cpu_seconds"] - before["cpu_seconds"]) * 1000 / (after["calls"] - before["calls"])
        return {
            "requests_per_second": flooded,
            "cpu_ms": cpu_ms,
            "sdk_calls_per_second": asked,
            "ratio": flooded / asked,
        }


def forget_settings() -> None:
    """Measure the defaults: what the caller's shell sets for the service does not count."""
    from shared_code.settings import Settings

    ours = {name.upper() for name in Settings.model_fields} | {"PYTHON_THREADPOOL_THREAD_COUNT"}
    for name in [name for name in os.environ if name.upper() in ours]:
        del os.environ[name]
