"""Puts the host together, runs it until a signal, and ends it in order."""

import logging
import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType

from devstack.host.admin import Admin, AdminFunction
from devstack.host.announcement import LoadedApp, announce, write_ready_file
from devstack.host.auth import KeyRing
from devstack.host.console import apply_log_level
from devstack.host.cors import CorsPolicy, cors_policy
from devstack.host.discovery import HTTP, FunctionDefinition, discover
from devstack.host.errors import FunctionProblem, HostStartError
from devstack.host.gateway import Gateway, Limits
from devstack.host.invocations import Invocations
from devstack.host.routes import Route, RouteTable, build_route
from devstack.host.schedules import parse_time_span
from devstack.host.settings import AppSettings, HostConfig, host_id, load_host_config, load_local_settings
from devstack.host.triggers import TriggerOptions, Triggers
from devstack.host.worker import Worker
from devstack.host.worker_processes.pool import WorkerPool, worker_count
from devstack.http_server import Server

DEFAULT_PORT = 7071
DEFAULT_ADDRESS = "127.0.0.1"
LOCAL_ADDRESSES = {"127.0.0.1", "0.0.0.0"}
DEFAULT_BODY_LIMIT = 104_857_600
DEFAULT_FUNCTION_TIMEOUT = "00:30:00"
WATCH_SECONDS = 1.0
#: that worker processes get to write what they hold; after it they are ended
WORKER_END_SECONDS = 7.0

log = logging.getLogger("devstack.host")


@dataclass(frozen=True)
class HostOptions:
    """The command line; None where local.settings.json or the default decides."""

    root: Path
    port: int | None = None
    address: str | None = None
    cors: str | None = None
    cors_credentials: bool = False
    enable_auth: bool = False
    key: str | None = None
    master_key: str | None = None
    debug_errors: bool = False
    ready_file: Path | None = None
    blob_poll_seconds: float = 1.0
    blob_visibility_seconds: int = 600
    #: that running functions get to end after the host was told to stop
    drain_seconds: float = 10.0


@dataclass(frozen=True)
class _Parts:
    """What is started, asked for overdue runs and ended."""

    app: LoadedApp
    worker: Worker | WorkerPool
    invocations: Invocations
    triggers: Triggers
    gateway: Gateway


def run(options: HostOptions) -> bool:
    """Serve until SIGINT or SIGTERM. Returns whether every invocation had ended by then.

    Raises :class:`HostStartError` when the app or the machine does not allow a start.
    """
    signals: SimpleQueue[int] = SimpleQueue()
    _collect_signals(signals)
    if options.ready_file:
        # One left by a killed host would tell that this one is ready.
        options.ready_file.unlink(missing_ok=True)
    local = load_local_settings(options.root, os.environ)
    config = load_host_config(options.root, os.environ)
    apply_log_level(config)
    settings = AppSettings(os.environ)
    cors = cors_policy(options.cors or local.cors, credentials=options.cors_credentials or local.cors_credentials)
    address = options.address or local.address or DEFAULT_ADDRESS
    port = next((one for one in (options.port, local.port) if one is not None), DEFAULT_PORT)
    # Bound before the functions are loaded: a taken port is known at once.
    with _bound_server(address, port, settings) as server:
        base = f"http://{'localhost' if address in LOCAL_ADDRESSES else address}:{server.server_port}"
        parts = _assemble(options, settings, config, cors, base)
        parts.triggers.start()
        server.start(lambda request, client: client.send(parts.gateway.answer(request, client.read_body)))
        announce(parts.app, parts.triggers, base)
        workers = parts.worker.pids
        if workers:
            log.info("%d worker processes: %s", len(workers), ", ".join(map(str, workers)))
        if options.ready_file:
            write_ready_file(
                options.ready_file, parts.app, address=server.server_name, port=server.server_port, workers=workers
            )
        while not _stopped(signals):
            parts.invocations.report_overdue()
        if options.ready_file:
            options.ready_file.unlink(missing_ok=True)
        return _end(server, parts, options.drain_seconds)


def _assemble(options: HostOptions, settings: AppSettings, config: HostConfig, cors: CorsPolicy, base: str) -> _Parts:
    count = worker_count(settings)
    # One worker needs no process of its own: what it answers is the same, and comes sooner.
    worker = Worker() if count == 1 else WorkerPool(count, options.root)
    try:
        return _parts(options, settings, config, cors, base, worker)
    except BaseException:  # whatever ends the start ends what was started
        worker.close(0.0)
        raise


def _parts(
    options: HostOptions,
    settings: AppSettings,
    config: HostConfig,
    cors: CorsPolicy,
    base: str,
    worker: Worker | WorkerPool,
) -> _Parts:
    invocations = Invocations(worker, function_timeout_seconds=_function_timeout(config))
    app = _load(options.root, settings, config, worker)
    identity = host_id(options.root, settings)
    triggers = Triggers(
        [one for one in app.functions if one.name not in app.broken],
        settings=settings,
        config=config,
        invocations=invocations,
        options=TriggerOptions(identity, options.blob_poll_seconds, options.blob_visibility_seconds),
    )
    app = replace(app, problems={**app.problems, **triggers.problems})
    keys = KeyRing(options.enable_auth, options.key, options.master_key)
    gateway = Gateway(
        routes=app.routes,
        invocations=invocations,
        admin=Admin(_admin_functions(app, triggers, base), app.problems, host_id=identity, keys=keys),
        keys=keys,
        cors=cors,
        limits=_limits(config),
        broken=frozenset(app.broken),
        debug_errors=options.debug_errors,
    )
    return _Parts(app, worker, invocations, triggers, gateway)


def _bound_server(address: str, port: int, settings: AppSettings) -> Server:
    limit = settings.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT")
    if limit is not None and not limit.isdigit():
        raise HostStartError(f"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT must be a number of bytes, not {limit!r}.")
    try:
        return Server(address, port, name="Kestrel", body_limit=int(limit) if limit else DEFAULT_BODY_LIMIT)
    except OSError as error:
        raise HostStartError(
            f"Port {port} on {address} is unavailable ({error.strerror or error}). Close the process that uses it, "
            "or choose another port with --port (0 takes a free one).",
            exit_code=2,
        ) from error


def _load(root: Path, settings: AppSettings, config: HostConfig, worker: Worker | WorkerPool) -> LoadedApp:
    runtime = settings.get("FUNCTIONS_WORKER_RUNTIME")
    if runtime and runtime.casefold() != "python":
        raise HostStartError(f"FUNCTIONS_WORKER_RUNTIME is '{runtime}'; this host runs python only.")
    found = discover(root, settings)
    problems = dict(found.problems)
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    os.chdir(root)
    worker.start()
    functions: list[FunctionDefinition] = []
    broken: dict[str, str] = {}
    routes: list[Route] = []
    prefix = config.text("extensions.http.routePrefix", "api")
    for function in found.functions:
        try:
            if function.trigger.type == HTTP:
                routes.append(_route(function, prefix, routes))
        except FunctionProblem as problem:
            problems[function.name] = str(problem)
            continue
        functions.append(function)
        error = worker.load(function)
        if error is not None:
            broken[function.name] = error
    return LoadedApp(tuple(functions), problems, broken, RouteTable(routes))


def _route(function: FunctionDefinition, prefix: str, known: list[Route]) -> Route:
    route = build_route(function, prefix=prefix)
    for other in known:
        if route.template.text.casefold() == other.template.text.casefold() and route.shares_a_method(other):
            raise FunctionProblem(
                f"The route specified conflicts with the route defined by function '{other.function.name}'."
            )
    return route


def _limits(config: HostConfig) -> Limits:
    return Limits(
        config.integer("extensions.http.maxOutstandingRequests", -1),
        config.integer("extensions.http.maxConcurrentRequests", -1),
    )


def _function_timeout(config: HostConfig) -> float | None:
    text = config.text("functionTimeout", DEFAULT_FUNCTION_TIMEOUT)
    if text == "-1":
        return None
    try:
        return parse_time_span(text).total_seconds()
    except FunctionProblem as problem:
        raise HostStartError(f"host.json: functionTimeout: {problem}") from problem


def _admin_functions(app: LoadedApp, triggers: Triggers, base: str) -> list[AdminFunction]:
    urls = {route.function.name: f"{base}/{route.template.text}" for route in app.routes.routes}
    return [
        AdminFunction(
            definition=function,
            url=urls.get(function.name),
            errors=(app.broken[function.name],) if function.name in app.broken else (),
            run=triggers.manual_run(function),
        )
        for function in app.functions
    ]


def _collect_signals(signals: "SimpleQueue[int]") -> None:
    """First signal: an orderly end. Second: at once."""

    def handle(number: int, _frame: FrameType | None) -> None:
        if stopping:
            os._exit(128 + number)
        # Unlike an event, this queue may be used inside a signal handler that interrupts its own reader.
        stopping.append(number)
        signals.put(number)

    stopping: list[int] = []
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), handle)


def _stopped(signals: "SimpleQueue[int]") -> bool:
    """Wait a moment for a signal."""
    try:
        signals.get(timeout=WATCH_SECONDS)
    except Empty:
        return False
    return True


def _end(server: Server, parts: _Parts, drain_seconds: float) -> bool:
    log.info("Stopping host...")
    server.stop()
    parts.triggers.stop()
    running = parts.invocations.drain(drain_seconds)
    if running:
        log.warning("Not ended within %g s: %s", drain_seconds, ", ".join(running))
    settled = parts.triggers.finish()
    answered = server.wait_idle(seconds=1.0)
    parts.worker.close(WORKER_END_SECONDS)
    log.info("Host stopped.")
    return answered and settled and not running
