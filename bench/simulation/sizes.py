"""Sizes of one instance that belong together: the rule, what it says of a given set, and a set for each instance.

``docs/scaling.md`` gives the reasons; ``tests/unit/bench/test_sizes.py`` holds the defaults of the settings, of
``infra`` and of ``host.json`` to it.
"""

import math
from dataclasses import dataclass, replace

from bench.simulation.inputs import Deployment, Figures, Load
from shared_code.extraction.upload_slots import COPIES
from shared_code.settings import Settings

#: resident megabytes that were measured: of a worker process (docs/performance.md), and of a child that reads a photo,
#: the largest of those that are common
WORKER_MB, CHILD_MB = 280, 64
#: of an instance's memory, what the service may need; the rest is for the platform and for the moment
_MEMORY_SHARE = 0.9
#: of a pool, up to which share its connections may be busy before uploads wait for them
_POOL_SHARE = 0.7
#: connections for what is written behind answers: log, webhooks
_WRITERS = 1
#: threads for what neither jobs nor dropped files use: the timer, health, and readings that somebody asks for
_OTHER_THREADS = 3
_LARGEST_MB = Settings.model_fields["max_upload_mb"].default
#: a company may hold two thirds of the memory of uploads, and one file of the largest size must fit into that
_LEAST_UPLOAD_MB = math.ceil(_LARGEST_MB * COPIES * 3 / 2)
_DEFAULT_UPLOAD_MB = 512
_UPLOADS, _PER_CORE, _JOBS = 96, 16, 12


@dataclass(frozen=True)
class Instance:
    """What the platform gives. ``apart``: uploads, jobs and dropped files have instances of their own."""

    name: str
    vcpus: int
    memory_mb: int
    apart: bool = False


INSTANCES = (
    Instance("Flex Consumption, 2,048 MB", 1, 2_048, apart=True),
    Instance("Flex Consumption, 4,096 MB", 2, 4_096, apart=True),
    Instance("Elastic Premium EP1", 1, 3_584),
    Instance("Elastic Premium EP2", 2, 7_168),
    Instance("Elastic Premium EP3", 4, 14_336),
    Instance("a container", 1, 2_048),
    Instance("a container", 4, 4_096),
)


@dataclass(frozen=True)
class Sizes:
    """Of one instance.

    :ivar uploads: that are in work at once, ``upload_mb`` that they may hold; the processes share both.
    :ivar concurrency: uploads at which the platform starts another instance.
    :ivar children: processes that parse documents, of each worker process.
    :ivar connections: of each worker process, overflow included.
    :ivar threads: of each worker process, for jobs and dropped files; ``jobs`` and ``blobs`` are those of the instance.
    :ivar apart: see :class:`Instance`.
    """

    vcpus: int
    memory_mb: int
    processes: int = 1
    concurrency: int = _PER_CORE
    uploads: int = _UPLOADS
    upload_mb: int = _DEFAULT_UPLOAD_MB
    children: int = 3
    connections: int = 4
    threads: int = 32
    jobs: int = _JOBS
    blobs: int = 4
    apart: bool = False

    @property
    def needed_mb(self) -> int:
        """Memory when everything that may be in work is there, and every file has the largest size."""
        base = self.processes * (WORKER_MB + self.children * CHILD_MB)
        waiting = (self.upload_mb, self.jobs * _LARGEST_MB * COPIES, self.blobs * _LARGEST_MB * COPIES)
        return base + int(max(waiting) if self.apart else sum(waiting))


def problems(sizes: Sizes, figures: Figures | None = None) -> list[str]:
    """Which parts of the rule a set of sizes breaks, in words."""
    figures, usual, load = figures or Figures(), Deployment(), Load(0)
    each_mb = sizes.upload_mb / sizes.processes
    small_mb = (load.small_bytes * COPIES + 256 * 1024) / 2**20
    held = figures.database_seconds(usual.trip_seconds, usual.commit_seconds)
    at_once = sizes.uploads / sizes.processes / figures.model_seconds * held
    found = {
        "more processes than processors": sizes.processes > sizes.vcpus,
        "the platform starts another instance only after BUSY": sizes.concurrency > sizes.uploads,
        "common files do not fill the seats before they fill the memory": sizes.uploads * small_mb > sizes.upload_mb,
        "a file of the largest size is more than a company may hold": each_mb < _LEAST_UPLOAD_MB,
        "jobs and dropped files use all threads": sizes.jobs + sizes.blobs + _OTHER_THREADS > sizes.threads,
        "full seats wait for connections": at_once / _POOL_SHARE + _WRITERS > sizes.connections,
        "everything in work at once is more than the memory": sizes.needed_mb > sizes.memory_mb * _MEMORY_SHARE,
    }
    return [text for text, is_so in found.items() if is_so]


def fitting(instance: Instance) -> Sizes:
    """A set that keeps the rule: a process for each processor, and as many jobs as there is memory for."""
    vcpus, memory_mb = instance.vcpus, instance.memory_mb
    sizes = Sizes(
        vcpus,
        memory_mb,
        processes=vcpus,
        concurrency=_PER_CORE * vcpus,
        children=3 if vcpus == 1 else 2,
        upload_mb=max(min(memory_mb // 4, _DEFAULT_UPLOAD_MB), _LEAST_UPLOAD_MB * vcpus),
        apart=instance.apart,
    )
    while problems(sizes) and sizes.jobs > 1:
        sizes = replace(sizes, jobs=sizes.jobs - 1)
    return sizes
