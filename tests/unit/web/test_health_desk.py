import asyncio
import json
import threading
from types import SimpleNamespace

from shared_code import __version__
from shared_code.errors import DatabaseUnavailable
from shared_code.operations.health_checker import SystemHealthChecker
from shared_code.web.health import HealthDesk


def services(check) -> SimpleNamespace:
    """What the desk takes of the services: two checkers, here with one check each."""
    health, readiness = SystemHealthChecker(), SystemHealthChecker()
    health.add_check("api", lambda: True)
    readiness.add_check("database", check)
    return SimpleNamespace(health=health, readiness=readiness)


def test_many_probes_share_one_look_and_life_is_told_meanwhile():
    looks, go = [], threading.Event()

    def check() -> bool:
        looks.append("look")
        return go.wait(10)

    async def ask() -> tuple[list[int], int]:
        desk, ours = HealthDesk(), services(check)
        probes = [asyncio.ensure_future(desk.response(lambda: ours, kind="ready")) for _ in range(200)]
        alive = await desk.response(lambda: ours, kind=None)
        assert not any(probe.done() for probe in probes)
        go.set()
        return [response.status_code for response in await asyncio.gather(*probes)], alive.status_code

    assert asyncio.run(ask()) == ([200] * 200, 200)
    assert looks == ["look"]


def test_each_look_is_a_new_one_and_each_answer_has_an_id_of_its_own():
    well = [True]

    async def ask() -> list[tuple[int, str]]:
        desk, ours, found = HealthDesk(), services(lambda: well[0]), []
        for state in (True, False, True):
            well[0] = state
            response = await desk.response(lambda: ours, kind="ready")
            found.append((response.status_code, json.loads(response.body)["request_id"]))
        return found

    found = asyncio.run(ask())
    assert [status for status, _ in found] == [200, 503, 200]
    assert len({label for _, label in found}) == 3


def test_a_probe_that_goes_away_does_not_end_the_look_of_the_others():
    go = threading.Event()

    async def ask() -> int:
        desk, ours = HealthDesk(), services(lambda: go.wait(10))
        first = asyncio.ensure_future(desk.response(lambda: ours, kind="ready"))
        second = asyncio.ensure_future(desk.response(lambda: ours, kind="ready"))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        go.set()
        return (await second).status_code

    assert asyncio.run(ask()) == 200


def test_services_that_cannot_be_built_are_not_ready_and_other_addresses_are_unknown():
    def broken():
        raise DatabaseUnavailable

    async def ask() -> list[int]:
        desk = HealthDesk()
        return [(await desk.response(broken, kind=kind)).status_code for kind in ("ready", None, "other")]

    assert asyncio.run(ask()) == [503, 503, 404]


def test_the_answer_names_the_version():
    data = json.loads(asyncio.run(HealthDesk().response(lambda: services(lambda: True), kind=None)).body)["data"]
    assert data["version"] == __version__
    assert data["overall_status"] == "healthy"
