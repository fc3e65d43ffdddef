"""What the host says once it runs: the functions with their addresses, for people; the ready file, for programs."""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack.host.discovery import FunctionDefinition
from devstack.host.routes import RouteTable
from devstack.host.triggers import Triggers

log = logging.getLogger("devstack.host")


@dataclass(frozen=True)
class LoadedApp:
    """The functions that could be read, and what is wrong with the others and with loading these."""

    functions: tuple[FunctionDefinition, ...]
    problems: Mapping[str, str]
    broken: Mapping[str, str]
    routes: RouteTable


def announce(app: LoadedApp, triggers: Triggers, base: str) -> None:
    """Log every function, and what is wrong.

    :param base: scheme, host and port of all addresses.
    """
    routes = {route.function.name: route for route in app.routes.routes}
    log.info("Functions:" if app.functions else "No functions found.")
    for function in app.functions:
        state = " (disabled)" if function.disabled else " (failed to load)" if function.name in app.broken else ""
        if function.name in routes:
            methods = ",".join(sorted(routes[function.name].methods or ())) or "all methods"
            where = f"[{methods}] {base}/{routes[function.name].template.text}"
        else:
            where = f"{function.trigger.type} {triggers.describe(function)}".rstrip()
        log.info("    %s%s: %s", function.name, state, where)
    for name, problem in app.problems.items():
        log.error("The '%s' function is in error: %s", name, problem)
    for name, problem in app.broken.items():
        log.error("Worker failed to load function: '%s'. Result: Failure\nException: %s", name, problem)
    for first, second in app.routes.overlapping():
        log.warning(
            "The routes of '%s' (%s) and '%s' (%s) overlap: the first one gets the requests that fit both.",
            first.function.name,
            first.template.text,
            second.function.name,
            second.template.text,
        )


def write_ready_file(path: Path, app: LoadedApp, *, address: str, port: int, workers: Sequence[int]) -> None:
    """Written under another name first: whoever waits for it never reads half of it.

    :param workers: ids of the worker processes; none when the worker runs in this one.
    """
    content = {
        "url": f"http://{address.replace('0.0.0.0', '127.0.0.1')}:{port}",
        "port": port,
        "pid": os.getpid(),
        "workers": list(workers),
        "functions": [function.name for function in app.functions if function.name not in app.broken],
        "failed": sorted({*app.broken, *app.problems}),
    }
    partial = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.replace(path)
