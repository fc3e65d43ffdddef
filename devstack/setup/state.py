"""The state folder of the local stack: database, storage, secrets, and who runs in it.

One stack at a time works in a folder (a lock that dies with its holder). What a killed one left running is found by the
list of its processes and ended, but only where the command line is still the one that was started: a pid may since
belong to somebody else.
"""

import base64
import contextlib
import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from devstack.setup import processes
from devstack.setup.console import SetupProblem, say
from devstack.setup.locks import FileLock

_PROCESSES = "processes.json"
_SECRETS = "secrets.json"
_PORTS = "ports.json"
_MAX_PORT = 65535
_PROBE_BYTES = 1 << 20


class StateFolder:
    """An opened, locked state folder. Use as a context manager; raises SetupProblem when it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        _prepare(self.path)
        self._lock = FileLock(self.path / "lock")

    def __enter__(self) -> Self:
        if not self._lock.acquire():
            owner = self._lock.owner()
            raise SetupProblem(
                f"Another `dev.py run`{f' (pid {owner})' if owner else ''} works in {self.path}. "
                "End it, or give this one a folder of its own with --state (and another --port)."
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def folder(self, name: str) -> Path:
        """A folder inside, made if need be."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        return path

    def end_orphans(self) -> list[str]:
        """End what an earlier run left behind. Returns the names of what was ended."""
        ended = []
        for entry in _read_list(self.path / _PROCESSES):
            pid, name, arguments = entry.get("pid"), entry.get("name"), entry.get("arguments")
            if not isinstance(pid, int) or not isinstance(arguments, list):
                continue
            if processes.command_line(pid) != processes.as_command_line(arguments):
                continue
            say(f"run: ending {name} (pid {pid}), left behind by a run that was killed")
            if not processes.end_stranger(pid, grace_seconds=5):
                raise SetupProblem(f"{name} (pid {pid}) of an earlier run does not end; end it by hand.")
            ended.append(str(name))
        self.forget_processes()
        return ended

    def remember_processes(self, started: Sequence[tuple[str, int, Sequence[str]]]) -> None:
        """Write down what runs now: (name, pid, arguments)."""
        entries = [{"name": name, "pid": pid, "arguments": list(arguments)} for name, pid, arguments in started]
        write_private(self.path / _PROCESSES, json.dumps(entries, indent=1))

    def forget_processes(self) -> None:
        """Everything was ended."""
        (self.path / _PROCESSES).unlink(missing_ok=True)

    def ports(self, choose: Callable[[Mapping[str, int]], Mapping[str, int]]) -> Mapping[str, int]:
        """Where everything listens: what ``choose`` makes of the earlier run's ports, kept for the next run."""
        path = self.path / _PORTS
        earlier: dict[str, int] = {}
        # A file that cannot be read costs the old ports and nothing else.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            read = json.loads(path.read_text(encoding="utf-8"))
            earlier = {name: port for name, port in read.items() if isinstance(port, int) and 0 < port <= _MAX_PORT}
        chosen = choose(earlier)
        write_private(path, json.dumps(dict(chosen), indent=1))
        return chosen

    def secrets(self) -> dict[str, str]:
        """Secrets of this stack, made once: ``encryption_keys``, ``demo_key``, ``admin_key``."""
        path = self.path / _SECRETS
        kept: dict[str, str] = {}
        if path.exists():
            try:
                kept = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                # Without the old encryption keys the database's API keys are lost, so they are not replaced silently.
                raise SetupProblem(f"{path} cannot be read ({error}). Mend it, or delete {self.path}.") from error
        made = {
            "encryption_keys": "local:" + base64.b64encode(secrets.token_bytes(32)).decode("ascii"),
            "demo_key": "demo-" + secrets.token_urlsafe(24),
            "admin_key_id": secrets.token_hex(8),
            "admin_secret": secrets.token_urlsafe(32),
        }
        if made.keys() - kept.keys():
            kept = made | kept
            write_private(path, json.dumps(kept, indent=1))
        return kept


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole; only its owner may read it. Raises SetupProblem."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)
        temporary.replace(path)
    except OSError as error:
        raise SetupProblem(f"Cannot write {path}: {error.strerror}.") from error


def _prepare(path: Path) -> None:
    """Make the folder and see that it takes a megabyte."""
    probe = path / f".probe.{os.getpid()}"
    try:
        # Documents, logs and accounts are the owner's alone.
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with probe.open("wb") as handle:
                handle.write(bytes(_PROBE_BYTES))
                handle.flush()
                os.fsync(handle.fileno())
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise SetupProblem(
            f"The state folder {path} cannot be used: {error.strerror}. "
            "It must be writable and have room; choose another with --state."
        ) from error


def _read_list(path: Path) -> list[Mapping[str, object]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [entry for entry in content if isinstance(entry, dict)] if isinstance(content, list) else []
