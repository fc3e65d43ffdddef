"""Questions about processes of any platform, by the standard library: is it alive, what was it started as, end it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path


def output_of(command: Sequence[str]) -> str | None:
    """What a program that ends by itself prints, or None when it cannot be started, fails, or prints nothing."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return None if done.returncode else done.stdout.strip() or None


def command_line(pid: int) -> str | None:
    """The command line that a running process was started with, or None when there is no such process.

    Comparable with :func:`as_command_line` of the arguments that started it.
    """
    proc = Path("/proc")
    if (proc / "self").exists():
        try:
            raw = (proc / str(pid) / "cmdline").read_bytes()
        except OSError:
            return None
        # A process that ended and waits for its parent has an empty one.
        return raw.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace") or None
    if sys.platform == "win32":
        query = f"(Get-CimInstance Win32_Process -Filter 'ProcessId={pid}').CommandLine"
        command = ["powershell", "-NoProfile", "-NonInteractive", "-Command", query]
    else:
        command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return output_of(command)


def as_command_line(arguments: Sequence[str]) -> str:
    """The text that :func:`command_line` shows for a process started with these arguments."""
    if sys.platform == "win32":
        return subprocess.list2cmdline(arguments)
    return " ".join(arguments)


def group_options() -> dict[str, bool | int]:
    """Arguments of ``Popen`` that make the child the head of a group of its own, which the console's Ctrl-C spares."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def ask_to_end(pid: int) -> None:
    """Ask the group that ``pid`` heads to end."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            os.kill(pid, signal.CTRL_BREAK_EVENT)
        else:
            os.killpg(pid, signal.SIGTERM)


def kill(pid: int) -> None:
    """End the group that ``pid`` heads, at once."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(pid)], capture_output=True, check=False)
    else:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


def end_stranger(pid: int, *, grace_seconds: float) -> bool:
    """End a process that is not a child of ours, with its group. False when it is still there afterwards."""
    was = command_line(pid)
    ask_to_end(pid)
    deadline = time.monotonic() + grace_seconds
    while command_line(pid) == was and was is not None:
        if time.monotonic() > deadline:
            kill(pid)
            break
        time.sleep(0.05)
    for _ in range(20):
        if command_line(pid) != was or was is None:
            return True
        time.sleep(0.05)
    return False


def end_child(process: "subprocess.Popen[bytes]", *, grace_seconds: float) -> None:
    """End a child that shares our console: it has heard the same Ctrl-C, so it gets time first."""
    try:
        process.wait(timeout=grace_seconds / 2)
    except subprocess.TimeoutExpired:
        process.terminate()
    try:
        process.wait(timeout=grace_seconds / 2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
