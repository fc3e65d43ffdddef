"""Starts a stand-in as a process of its own."""

import argparse
import signal
import sys
import threading

from devstack.models.stand_in import StandIn


def parser_for(name: str) -> argparse.ArgumentParser:
    """The options that both stand-ins have."""
    parser = argparse.ArgumentParser(
        prog=f"python -m devstack.{name}", description=f"Local stand-in for the {name} API."
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 = any free one")
    parser.add_argument("--latency-ms", type=float, default=0, help="a model call takes at least so long")
    parser.add_argument("--thoughts", type=int, default=0, help="thinking tokens of every answer")
    return parser


def serve(stand_in: StandIn, name: str) -> int:
    """Serve until a signal comes. The first line on standard output says where."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with stand_in:
        sys.stdout.write(f"{name} stand-in on {stand_in.url}\n")
        sys.stdout.flush()
        # A wait without end cannot be interrupted on Windows.
        while not stopping.wait(0.5):
            pass
    return 0


def port_taken(port: int, name: str, error: OSError) -> int:
    """Say that the port cannot be used, and what to do."""
    sys.stderr.write(f"{name} stand-in: port {port} cannot be used ({error.strerror}); choose another with --port\n")
    return 2
