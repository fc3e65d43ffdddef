from dataclasses import dataclass

import pytest

from shared_code.documents.sandbox.watch import Limits, Overrun, Watch


@dataclass
class Busywork:
    """A process whose CPU time the test decides."""

    cpu: float = 0.0
    killed: bool = False
    gave_way: int = 0

    def cpu_now(self) -> float:
        return self.cpu

    def give_way(self) -> None:
        self.gave_way += 1

    def kill(self) -> None:
        self.killed = True


@pytest.fixture
def slow_jobs() -> list[str]:
    return []


@pytest.fixture
def watch(slow_jobs) -> Watch:
    return Watch(Limits(cpu=10, stalled=10, wall=45, slow=0.5), on_slow=lambda: slow_jobs.append("slow"))


def test_cpu_time_and_nothing_else_is_held_against_a_file(watch):
    process = Busywork()
    with watch.over(process) as job:
        for _ in range(35):
            process.cpu += 0.27
            watch.look(1.0)
        assert not process.killed
        process.cpu = 10.1
        watch.look(0.1)
    assert process.killed
    assert job.overrun is Overrun.CPU


def test_a_process_without_progress_is_ended_for_the_machines_sake(watch):
    process = Busywork(cpu=3.0)
    with watch.over(process) as job:
        for _ in range(7):
            watch.look(1.0)
        assert not process.killed
        watch.look(5.0)
    assert process.killed
    assert job.overrun is Overrun.STALLED


def test_progress_on_a_busy_machine_counts(watch):
    process = Busywork()
    with watch.over(process) as job:
        for _ in range(35):
            process.cpu += 0.02
            watch.look(1.0)
        assert job.overrun is None
        for _ in range(11):
            process.cpu += 0.02
            watch.look(1.0)
    assert job.overrun is Overrun.STALLED


def test_a_slow_job_gives_way_once(watch, slow_jobs):
    process = Busywork(cpu=0.6)
    with watch.over(process):
        watch.look(0.1)
        process.cpu = 2.0
        watch.look(0.1)
    assert process.gave_way == 1
    assert slow_jobs == ["slow"]


def test_a_job_that_has_ended_is_left_alone(watch):
    process = Busywork(cpu=100.0)
    with watch.over(process):
        pass
    watch.look(0.1)
    assert not process.killed
