"""Finds free loopback ports, and says who holds a taken one."""

import contextlib
import errno
import itertools
import os
import random
import re
import shutil
import socket
from pathlib import Path

from devstack.setup.console import SetupProblem
from devstack.setup.processes import command_line, output_of

LOOPBACK = "127.0.0.1"
_TRIES = 50
_OWN_PORTS = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server of ours could listen here and be the one that ``localhost`` reaches."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        if os.name != "nt":
            # Connections of an earlier run that still wait for their end do not hold the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
            listener.listen(1)
        except OSError as error:
            if error.errno in {errno.EACCES, errno.EADDRINUSE} or os.name == "nt":
                return False
            raise
    # On macOS the bind succeeds beside a server on all addresses; one on ::1 gets the clients that try IPv6 first.
    for address in (LOOPBACK, "::1"):
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=0.3):
            return False
    return True


def choose(wanted: int | None, *, default: int) -> tuple[int, str | None]:
    """The port to listen on, and a remark when it is not the default one.

    A port that was asked for is taken or refused (SetupProblem); a taken default gives way to the next free one.
    """
    if wanted is not None:
        if not is_free(wanted):
            raise SetupProblem(f"Port {wanted} is taken{_by(wanted)}. Free it, or choose another with --port.")
        return wanted, None
    if is_free(default):
        return default, None
    for port in range(default + 1, default + _TRIES):
        if is_free(port):
            return port, f"Port {default} is taken{_by(default)}; using {port} instead (choose with --port)."
    raise SetupProblem(f"Ports {default} to {default + _TRIES - 1} are all taken. Choose another with --port.")


def free_ports(count: int) -> list[int]:
    """Different free ports, chosen at random.

    They lie below those that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere): one of these
    could be taken in the moments until the server listens.
    """
    found = (port for port in random.sample(_OWN_PORTS, _TRIES + count) if is_free(port))
    ports = list(itertools.islice(found, count))
    if len(ports) < count:
        raise SetupProblem(f"No {count} free ports were found between {_OWN_PORTS[0]} and {_OWN_PORTS[-1]}.")
    return ports


def holder(port: int) -> str | None:
    """``pid 123 (command line)`` of the process that listens on the port, where the system tells."""
    pid = _pid_from_proc(port) or _pid_from_lsof(port)
    if pid is None:
        return None
    command = command_line(pid) or ""
    shown = f"{command[:100]}..." if len(command) > 100 else command  # noqa: PLR2004 - a line people can read
    return f"pid {pid} ({shown})" if shown else f"pid {pid}"


def _by(port: int) -> str:
    found = holder(port)
    return f" by {found}" if found else ""


def _pid_from_proc(port: int) -> int | None:
    inodes: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            listening = fields[3] == "0A"
            if listening and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    if not inodes:
        return None
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(link.readlink()) in inodes:
                return int(link.parts[2])
    return None


def _pid_from_lsof(port: int) -> int | None:
    lsof = shutil.which("lsof")
    listed = output_of([lsof, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-t"]) if lsof else None
    match = re.match(r"\d+", listed or "")
    return int(match.group()) if match else None
