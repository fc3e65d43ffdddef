"""A lock between processes that the operating system lets go of when its holder dies, however it dies."""

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Self


class FileLock:
    """An advisory lock on a file, held by one process at a time. The file holds the owner's pid, for messages."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def acquire(self) -> bool:
        """Take the lock without waiting. False when another process holds it."""
        handle = self._path.open("a+", encoding="utf-8")
        try:
            _lock(handle)
        except OSError:
            handle.close()
            return False
        handle.seek(0)
        handle.truncate()
        # The lock of Windows covers the first byte, which others then cannot read.
        handle.write(f" {os.getpid()}\n")
        handle.flush()
        self._file = handle
        return True

    def owner(self) -> int | None:
        """Pid that the holder wrote, or None when it cannot be read."""
        try:
            with self._path.open(encoding="utf-8") as handle:
                handle.seek(1)
                return int(handle.read().strip())
        except (OSError, ValueError):
            return None

    def release(self) -> None:
        """Let go. Safe to call twice."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _lock(handle: IO[str]) -> None:
    """Lock or raise OSError. Closing the file lets go."""
    if sys.platform == "win32":
        import msvcrt

        handle.seek(0)
        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
