"""Services on a test's own database, a receiver on this machine, and names that stand for what a test says."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared_code.bootstrap import build_services
from shared_code.bootstrap.container import Services
from shared_code.database.stores.extractions.readings import ReadingHead
from shared_code.database.stores.operations import webhook_deliveries
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.database.stores.operations.webhook_deliveries import Delivery, DeliveryFilter
from shared_code.errors import ProviderRejected
from shared_code.labels import new_reading_id
from shared_code.metering.finishing import Ending, Failed, finish
from tests.integration.webhooks.receiver import Receiver

RING = "test:" + "A" * 43 + "="
COMPANY = "NT047"


@dataclass
class Clock:
    """A clock that the test turns. It begins now: new rows carry the database's own time."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


class Webhooks:
    """Sets receivers, lets things happen, sends, and looks at what became of it."""

    def __init__(self, services: Services, clock: Clock) -> None:
        self.services, self.clock = services, clock
        self.deliveries = services.webhooks.deliveries
        self.administration = services.webhooks.administration
        self.actor = Actor("test")

    def set(self, url: str, *, company: str = COMPANY, events: list[str] | None = None) -> str | None:
        return self.administration.set_receiver(company, url=url, events=events, actor=self.actor)[1]

    def fail_readings(self, count: int, *, company: str = COMPANY) -> list[str]:
        """Readings that come to nothing, each with an ``extraction.failed``; returns their ids."""
        heads = [ReadingHead(new_reading_id(), company, "a" * 64, f"call-{number}") for number in range(count)]

        def work(connection: Any) -> None:
            for head in heads:
                finish(connection, self.services.budgets, Ending(failed=Failed(head, ProviderRejected())))

        self.services.database.run(work)
        return [head.reading_id for head in heads]

    def send(self, seconds: float = 30.0):
        return self.deliveries.deliver_due(seconds=seconds)

    def rows(self, **wanted: Any) -> list[Delivery]:
        """All of them, oldest first."""
        return self.services.database.read(
            lambda c: webhook_deliveries.find_deliveries(c, DeliveryFilter(**wanted), limit=1000)
        )[::-1]

    def turn_to_next(self) -> float:
        """Turn the clock to when the next message is due; returns the seconds."""
        left = max(self.deliveries.seconds_until_due() or 0.0, 0.0)
        self.clock.turn(seconds=left)
        return left


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_webhooks(database_url, make_settings, clock) -> Iterator[Callable[..., Webhooks]]:
    made = []

    def make(*, thread: bool = False, **settings: Any) -> Webhooks:
        """``thread``: whether what happens is sent by itself, and not only by the test."""
        options = {"webhook_allow_loopback": True, "token_encryption_keys": RING} | settings
        made.append(build_services(make_settings(database_url, **options), clock=clock))
        if not thread:
            made[-1].webhooks.thread.close()
        return Webhooks(made[-1], clock)

    yield make
    for services in made:
        services.close()


@pytest.fixture
def webhooks(make_webhooks) -> Webhooks:
    return make_webhooks()


@pytest.fixture
def receiver(clock) -> Iterator[Receiver]:
    with Receiver(now=clock) as server:
        yield server


@pytest.fixture
def names(monkeypatch) -> dict[str, Any]:
    """What hosts stand for: a list of addresses, or one list for each look-up. Others are looked up as ever.

    ``asked`` notes each look-up of a host that stands here.
    """
    known: dict[str, Any] = {"asked": []}
    real = socket.getaddrinfo

    def look_up(host, port, *arguments, **options):
        if host not in known:
            return real(host, port, *arguments, **options)
        known["asked"].append(host)
        found = known[host]
        if found and isinstance(found[0], list):
            found = found[min(known["asked"].count(host), len(found)) - 1]
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known
