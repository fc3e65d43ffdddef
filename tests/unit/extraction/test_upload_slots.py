import asyncio
import contextvars
import threading

import pytest

from shared_code.bootstrap.uploads import build_upload_lane
from shared_code.errors import Busy, ConfigurationError
from shared_code.extraction.upload_slots import COPIES, UploadLane, UploadSlots
from shared_code.records import BYTES_PER_MB
from shared_code.settings import Settings, load_settings

MB = 1_000_000
SPARE = MB


def slots(*, count: int = 9, uploads_of_a_megabyte: int = 9) -> UploadSlots:
    return UploadSlots(count, uploads_of_a_megabyte * (COPIES * MB + SPARE))


def test_uploads_are_bounded_by_their_number():
    room = slots(count=3, uploads_of_a_megabyte=100)
    held = [room.take(10) for _ in range(3)]
    with pytest.raises(Busy) as caught:
        room.take(10)
    assert caught.value.retry_after
    room.release(held[0])
    room.take(10)


def test_uploads_are_bounded_by_the_memory_of_all_their_copies():
    room = slots(uploads_of_a_megabyte=2)
    first = room.take(MB)
    room.take(MB)
    with pytest.raises(Busy):
        room.take(MB)
    room.take(1)
    room.release(first)
    room.take(MB)


def test_a_single_upload_is_taken_whatever_its_size():
    room = slots(uploads_of_a_megabyte=1)
    large = room.take(50 * MB)
    room.assign(large, "A")
    with pytest.raises(Busy):
        room.take(1)
    room.release(large)
    room.take(1)


@pytest.mark.parametrize("size", [10, MB])
def test_one_company_gets_two_thirds_and_another_finds_room(size):
    room = slots()
    held = []
    for _ in range(6):
        held.append(room.take(size))
        room.assign(held[-1], "A")
    refused = room.take(size)
    with pytest.raises(Busy):
        room.assign(refused, "A")
    room.release(refused)
    for _ in range(3):
        room.assign(room.take(size), "B")
    room.release(held[0])
    room.assign(room.take(size), "A")


@pytest.fixture
def lane():
    opened = UploadLane(3, 100 * MB)
    yield opened
    opened.close()


def test_what_finds_no_room_is_refused_while_all_threads_are_busy(lane):
    async def attack() -> tuple[list[str], int]:
        go = threading.Event()

        def work(_assign) -> str:
            go.wait(10)
            return "done"

        running = [asyncio.ensure_future(lane.run(10, work)) for _ in range(3)]
        await asyncio.sleep(0)
        refused = await asyncio.gather(*(lane.run(10, work) for _ in range(50)), return_exceptions=True)
        go.set()
        return await asyncio.gather(*running), sum(isinstance(one, Busy) for one in refused)

    assert asyncio.run(attack()) == (["done"] * 3, 50)


def test_room_is_free_again_whatever_became_of_the_work(lane):
    async def run() -> None:
        for _ in range(10):
            with pytest.raises(ZeroDivisionError):
                await lane.run(10, lambda _assign: 1 // 0)
        # one that nobody waits for any more still holds its bytes until it ends
        go, begun = threading.Event(), threading.Barrier(4)
        tasks = [asyncio.ensure_future(lane.run(10, lambda _assign: (begun.wait(10), go.wait(10)))) for _ in range(3)]
        await asyncio.to_thread(begun.wait, 10)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with pytest.raises(Busy):
            await lane.run(10, lambda _assign: None)
        go.set()
        while True:
            try:
                return await lane.run(10, lambda _assign: None)
            except Busy:
                await asyncio.sleep(0.01)

    asyncio.run(run())


def test_work_runs_in_the_context_of_its_request(lane):
    label = contextvars.ContextVar("label", default="none")

    async def run() -> str:
        label.set("mine")
        return await lane.run(10, lambda _assign: label.get())

    assert asyncio.run(run()) == "mine"


@pytest.mark.parametrize(("processes", "uploads", "memory"), [(1, 96, 400), (4, 24, 100), (10, 9, 40)])
def test_the_worker_processes_of_an_instance_share_what_it_takes(processes, uploads, memory):
    settings = Settings(functions_worker_process_count=processes, max_concurrent_uploads=96, max_upload_memory_mb=400)
    room = build_upload_lane(settings).slots
    held = [room.take(0) for _ in range(uploads)]
    with pytest.raises(Busy):
        room.take(0)
    for slot in held:
        room.release(slot)
    room.take(1)
    with pytest.raises(Busy):
        room.take(memory * BYTES_PER_MB // COPIES)
    assert Settings(functions_worker_process_count=4).per_process(3) == 1


@pytest.mark.parametrize("count", ["0", "11", "two"])
def test_a_count_of_processes_that_the_platform_would_not_take_is_named(monkeypatch, count):
    monkeypatch.setenv("FUNCTIONS_WORKER_PROCESS_COUNT", count)
    with pytest.raises(ConfigurationError, match="FUNCTIONS_WORKER_PROCESS_COUNT"):
        load_settings()
