"""How many uploads a process takes, by its settings, the memory of the machine, and how many processes share it."""

import contextlib
import ctypes
import sys
import threading
from pathlib import Path

from shared_code.extraction.upload_slots import UploadLane
from shared_code.records import BYTES_PER_MB
from shared_code.settings import Settings, load_settings

#: of the memory that the instance may use, what uploads get unless a setting says otherwise
_SHARE = 4
_MOST_BYTES = 512 * BYTES_PER_MB
#: ``M_MMAP_THRESHOLD`` of mallopt(3), and from which size on a block goes back to the system as soon as it is free
_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES = -3, BYTES_PER_MB
#: limits of a container, as control groups of version 2 and 1 show them
_CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")

_lock = threading.Lock()
_lane: UploadLane | None = None


def upload_lane() -> UploadLane:
    """The way in for uploads of this process. Quick: it reads the settings and connects to nothing.

    :raises errors.ConfigurationError: names every wrong setting.
    """
    global _lane  # noqa: PLW0603 - the one process-wide instance
    # Not under the lock of the services, whose making takes longer than the event loop may wait.
    with _lock:
        if _lane is None:
            _lane = build_upload_lane(load_settings())
        return _lane


def close_upload_lane() -> None:
    """Take no more uploads; the next use makes a way in anew."""
    global _lane  # noqa: PLW0603
    with _lock:
        if _lane is not None:
            _lane.close()
        _lane = None


def build_upload_lane(settings: Settings) -> UploadLane:
    """The way in for uploads; no thread is started yet."""
    return_large_blocks()
    memory = settings.max_upload_memory_mb
    of_instance = default_upload_memory(memory_limit()) if memory is None else memory * BYTES_PER_MB
    return UploadLane(settings.per_process(settings.max_concurrent_uploads), settings.per_process(of_instance))


def default_upload_memory(limit_bytes: int) -> int:
    """A quarter of what an instance may use, at most 512 MB: five files of 20 MB at once, each five times in memory."""
    return min(limit_bytes // _SHARE, _MOST_BYTES)


def memory_limit() -> int:
    """Bytes that this process may use: the container's limit, or what the machine has."""
    import psutil

    limits = [psutil.virtual_memory().total]
    for path in _CONTAINER_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # another system, or the word "max"
            limits.append(int(Path(path).read_text(encoding="ascii")))
    return min(limits)


def return_large_blocks() -> None:
    """Have freed documents leave the process; to be called before the first of them comes.

    glibc keeps free blocks of up to 32 MB for itself once it has seen some of that size, in a heap for each thread: a
    process held 450 MB after the last of 200 uploads had gone. A threshold that is set stays as it is.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES)
