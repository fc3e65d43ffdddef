"""Reads the command line of ``dev.py`` and calls what it names."""

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from devstack.setup import quality
from devstack.setup.console import SetupProblem
from devstack.setup.packaging import commands as packaging
from devstack.setup.packaging.contents import PLANS
from devstack.setup.run import run
from devstack.setup.stack import Options

ROOT = Path(__file__).resolve().parents[2]
_MAX_PORT = 65535
_PASSING = ("test", "bench", "soak")


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 done, 1 failed, 2 something has to be mended first, 130 interrupted; else the tool's own."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        return _dispatch(list(arguments))
    except SetupProblem as problem:
        print(f"dev.py: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ndev.py: interrupted; the next start goes on from here", file=sys.stderr)
        return 130


def _dispatch(arguments: list[str]) -> int:
    # Everything behind these names belongs to pytest or to the benchmark, options included.
    if arguments and arguments[0] in _PASSING:
        command, rest = arguments[0], arguments[1:]
        if command == "test":
            return quality.test(ROOT, rest)
        return quality.bench(ROOT, rest) if command == "bench" else quality.soak(ROOT, rest)
    options = _parser().parse_args(arguments)
    if options.command == "run":
        return _run(options)
    others: dict[str, Callable[[], int]] = {
        "check": lambda: quality.check(ROOT),
        "package": lambda: packaging.package(
            ROOT, packaging.PackageOptions(options.plan, options.output, options.untracked, options.list)
        ),
        "lock": lambda: packaging.lock(ROOT, upgrade=options.upgrade),
        "audit": lambda: packaging.audit(ROOT),
    }
    return others[options.command]()


def _run(options: argparse.Namespace) -> int:
    return run(
        ROOT,
        Options(
            state=options.state if options.state is not None else ROOT / ".devstack",
            port=options.port,
            database=options.database,
            model_latency_ms=options.model_latency_ms,
            seed=not options.no_seed,
            real_models=options.real_models,
            gemini_url=options.gemini_url,
            ready_file=options.ready_file,
            cors=tuple(options.cors),
        ),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py", description="Sets the project up and runs it on this machine.")
    parsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    command = parsers.add_parser("run", help="start database, storage, model stand-ins and the functions")
    command.add_argument("--port", type=_port, help="port of the functions (default 7071, or the next free one)")
    command.add_argument("--state", type=_path, help="folder for all data of this stack (default .devstack)")
    command.add_argument(
        "--database", metavar="URL", help="SQLAlchemy URL (default: a SQLite file in the state folder)"
    )
    command.add_argument(
        "--model-latency-ms", type=_milliseconds, default=0, metavar="N", help="of the model stand-ins"
    )
    command.add_argument("--no-seed", action="store_true", help="no demo company")
    models = command.add_mutually_exclusive_group()
    models.add_argument("--real-models", action="store_true", help="the vendors themselves, with keys that you added")
    models.add_argument(
        "--gemini-url", type=_server_url, metavar="URL", help="a server that speaks the Gemini API, for the stand-in"
    )
    command.add_argument("--ready-file", type=_path, metavar="PATH", help="JSON written when everything answers")
    command.add_argument(
        "--cors",
        type=_origin,
        action="append",
        default=[],
        metavar="ORIGIN",
        help="let pages of this origin call the functions, such as http://localhost:5173; may be given several times",
    )
    _add_packaging(parsers)
    parsers.add_parser(
        "test", help="run all tests, or a part (unit, integration, e2e, browser, devstack); the rest goes to pytest"
    )
    parsers.add_parser("check", help="ruff, mypy, structure")
    parsers.add_parser("bench", help="measure the service beside the bare SDK; `bench --help` lists its arguments")
    parsers.add_parser("soak", help="run the long proofs; arguments go to pytest")
    return parser


def _add_packaging(parsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = parsers.add_parser("package", help="write the zip file that is deployed, and its bill of materials")
    command.add_argument("--plan", choices=PLANS, default="flex", help="hosting plan (default flex)")
    command.add_argument("--output", type=_path, metavar="PATH", help="default .devstack/package/app-PLAN.zip")
    command.add_argument("--list", action="store_true", help="name every file with its size")
    command.add_argument("--untracked", action="store_true", help="also modules that git does not know")
    command = parsers.add_parser("lock", help="write the exact packages of the deployed app and their licences anew")
    command.add_argument("--upgrade", action="store_true", help="take newer versions where requirements.txt allows")
    parsers.add_parser("audit", help="ask whether the locked packages have known weak spots")


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port <= _MAX_PORT:
        raise argparse.ArgumentTypeError(f"{port} is no port")
    return port


def _milliseconds(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("a latency is 0 or more")
    return value


def _server_url(text: str) -> str:
    """Address of a server, perhaps with a path. It is printed, so nothing secret may stand in it."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname is not None and parts.port != 0
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s?#@]", text):
        shown = re.sub(r"//[^/]*@", "//***@", text)
        raise argparse.ArgumentTypeError(
            f"{shown!r} is not the address of a server: http://HOST:PORT or https://HOST, without user and query"
        )
    return text.rstrip("/")


def _origin(text: str) -> str:
    """Scheme, host and port as a browser sends them in ``Origin`` (RFC 6454, section 6.2); never all origins."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname is not None and parts.port != 0
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s,*?#@]", text) or text.partition("://")[2].rstrip("/").count("/"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an origin: the scheme, host and port of the page, such as http://localhost:5173"
        )
    return text.rstrip("/")


def _path(text: str) -> Path:
    """Relative to where the person is, not to the project."""
    return Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100 - resolve() would follow links


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
