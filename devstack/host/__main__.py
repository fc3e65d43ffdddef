"""Command line of the host: ``python -m devstack.host --root . --port 7071``."""

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from devstack.host.application import HostOptions, run
from devstack.host.console import start_console
from devstack.host.errors import HostStartError

#: seconds that threads of the app get to end after the host has stopped
EXIT_GRACE_SECONDS = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the host until it is told to stop. Returns the exit code: 0 after a stop, 2 for a taken port."""
    options = _options(arguments)
    start_console()
    try:
        ended_calmly = run(options)
    except HostStartError as error:
        print(f"The host cannot start: {error}", file=sys.stderr, flush=True)  # noqa: T201 - for people
        return error.exit_code
    sys.stdout.flush()
    if not ended_calmly:
        # Python would wait for the worker's threads without end.
        os._exit(0)
    watchdog = threading.Timer(EXIT_GRACE_SECONDS, os._exit, (0,))
    watchdog.daemon = True
    watchdog.start()
    return 0


def _options(arguments: Sequence[str] | None) -> HostOptions:
    parser = argparse.ArgumentParser(prog="python -m devstack.host", description="Run a function app on this machine.")
    parser.add_argument("--root", type=Path, default=Path(), help="folder with host.json (default: here)")
    parser.add_argument("--port", type=int, help="port to listen on, 0 takes a free one (default: 7071)")
    parser.add_argument("--address", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--cors", help="origins that browsers may call from, joined by commas")
    parser.add_argument("--cors-credentials", action="store_true", help="allow credentials across origins")
    parser.add_argument("--enable-auth", action="store_true", help="ask for function keys as Azure does")
    parser.add_argument("--key", help="host key for functions of level 'function' (with --enable-auth)")
    parser.add_argument("--master-key", help="key for level 'admin' and the admin endpoints (with --enable-auth)")
    parser.add_argument("--debug-errors", action="store_true", help="put the error into the body of a 500")
    parser.add_argument("--ready-file", type=Path, help="JSON file that is written once the host answers")
    parser.add_argument(
        "--blob-poll-seconds", type=float, default=1.0, help="pause between looks for blobs and messages (Azure: 10)"
    )
    parser.add_argument(
        "--blob-visibility-seconds",
        type=int,
        default=600,
        help="after how long a crashed host's blob or message is tried again (Azure: 600)",
    )
    parser.add_argument("--drain-seconds", type=float, default=10.0, help="time for running functions to end at a stop")
    given = parser.parse_args(arguments)
    if given.enable_auth and not (given.key or given.master_key):
        parser.error("--enable-auth needs --key or --master-key")
    return HostOptions(
        root=given.root.resolve(),
        port=given.port,
        address=given.address,
        cors=given.cors,
        cors_credentials=given.cors_credentials,
        enable_auth=given.enable_auth,
        key=given.key,
        master_key=given.master_key,
        debug_errors=given.debug_errors,
        ready_file=given.ready_file.resolve() if given.ready_file else None,
        blob_poll_seconds=given.blob_poll_seconds,
        blob_visibility_seconds=given.blob_visibility_seconds,
        drain_seconds=given.drain_seconds,
    )


if __name__ == "__main__":
    sys.exit(main())
