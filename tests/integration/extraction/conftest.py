"""The whole pipeline over real sockets: the vendors' SDKs, the stand-ins that speak their protocols, each database."""

import itertools
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from devstack.gemini import GeminiStandIn
from devstack.openai import OpenAIStandIn
from shared_code.bootstrap import build_services
from shared_code.bootstrap.container import Services
from shared_code.database import tables
from shared_code.database.connection import create_database
from shared_code.database.stores.keys import token_keys
from shared_code.database.stores.quotas import quota_changes
from shared_code.documents.ocr.reader import SecondReader
from shared_code.extraction.second_reading import SecondReadings
from shared_code.extraction.service import Outcome
from shared_code.extraction.submission import Submission
from shared_code.observability.request_context import request_scope
from shared_code.records import Caller, CallIdentity, Provider, Source

SAMPLES = Path(__file__).parents[3] / "samples"
INVOICES = Path(__file__).parents[2] / "data" / "invoices"


@pytest.fixture
def gemini() -> Iterator[GeminiStandIn]:
    with GeminiStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def openai() -> Iterator[OpenAIStandIn]:
    with OpenAIStandIn() as stand_in:
        yield stand_in


class Pauses:
    """A monotonic clock that moves by sleeping only, and remembers the sleeps.

    What waits for a provider is in ``slept``. What waits for the database is in ``slept_for_database``: on a machine
    with other work its server may be slow at any time.
    """

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []
        self.slept_for_database: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def sleep_for_database(self, seconds: float) -> None:
        self.slept_for_database.append(seconds)
        self.now += seconds


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


class Pipeline:
    """Services on a test's own database and stand-ins, with a company that has keys."""

    def __init__(self, services: Services, gemini: GeminiStandIn) -> None:
        self.services = services
        self.gemini = gemini
        self._numbers = itertools.count(1)

    def add_key(
        self,
        *,
        company: str = "NT047",
        provider: Provider = Provider.GEMINI,
        limit: int | None = 10_000_000,
        **values: Any,
    ) -> SimpleNamespace:
        secret = f"AIzaTest{uuid.uuid4().hex}{next(self._numbers)}"
        token_id = self.services.database.run(
            lambda connection: token_keys.add_token(
                connection,
                self.services.cipher,
                token_keys.NewToken(company, secret, "RUBI TRADERS Pvt ltd", provider, limit, **values),
            )
        )
        return SimpleNamespace(token_id=token_id, secret=secret)

    def submission(self, data: bytes | None = None, **changes: Any) -> Submission:
        """One upload; without data with a sample that nobody has sent before."""
        if data is None:
            data = unique(SAMPLES / "ghana-vat-invoice.pdf")
        caller = changes.pop("caller", Caller(changes.pop("company", "NT047"), "bzumah", "RUB"))
        call_id = changes.pop("call_id", str(uuid.uuid4()))
        return Submission(
            data=data,
            identity=CallIdentity(call_id, caller, Source.HTTP, "test"),
            **{"deadline_seconds": 200.0, "file_name": "invoice.pdf", **changes},
        )

    def extract(self, data: bytes | None = None, **changes: Any) -> Outcome:
        """One call of the pipeline; see :meth:`submission`."""
        submission = self.submission(data, **changes)
        with request_scope(request_id="test", call_id=submission.identity.call_id):
            return self.services.extraction.extract(submission)

    def set_quota(self, scope: str, subject: str = "", *, daily: int | None = None, monthly: int | None = None) -> None:
        self.services.database.run(
            lambda connection: quota_changes.set_quota(
                connection,
                company_id="NT047",
                scope=scope,
                subject=subject,
                limits=(daily, monthly),
                day=self.services.clock().date(),
            )
        )

    def rows(self, table: Any = tables.token_usage_logs) -> list[Any]:
        key = list(table.primary_key.columns)
        return self.services.database.read(lambda connection: connection.execute(select(table).order_by(*key)).all())

    def status(self, token_id: int) -> Any:
        table = tables.token_master
        return self.services.database.read(
            lambda connection: connection.execute(select(table).where(table.c.TokenID == token_id)).one()
        )

    def summary(self, token_id: int) -> Any:
        table = tables.token_usage_summary
        return self.services.database.read(
            lambda connection: connection.execute(select(table).where(table.c.TokenID == token_id)).one()
        )


def unique(path: Path) -> bytes:
    """The document with bytes behind its end that make it another document."""
    return path.read_bytes() + f"\n% {uuid.uuid4()}\n".encode()


@pytest.fixture(scope="module")
def reader():
    """For the tests that leave it as it is."""
    shared = SecondReader()
    yield shared
    shared.close()


@pytest.fixture
def scan_answer():
    """What a model says that reads the scan rightly; asked of the text of the same invoice, or of another one."""
    from devstack.models.documents import open_pdf, read_attachments
    from devstack.models.reading.fill import fill
    from shared_code.extraction.answer.wire_schema import WIRE_SCHEMA

    def make(path=SAMPLES / "ghana-vat-invoice.pdf", **changes):
        reading = read_attachments((open_pdf(path.read_bytes()),), ("Read.",))
        answer = fill(WIRE_SCHEMA, reading)
        answer["invoices"][0] |= changes
        return answer

    return make


@pytest.fixture
def with_reader(pipeline_settings, gemini, reader):
    """A pipeline with a second reader; options make one of its own, which the test may break."""
    made = []

    def make(*, wait_seconds: float = 60.0, verify_doubtful: bool = False, **options) -> Pipeline:
        own = SecondReader(**options) if options else reader
        readings = SecondReadings(own, wait_seconds=wait_seconds, most_pages=6, verify_doubtful=verify_doubtful)
        services = build_services(pipeline_settings(), second_readings=readings)
        made.append((own, services))
        return Pipeline(services, gemini)

    yield make
    for own, services in made:
        services.close()
        if own is not reader:
            own.close()


RING = "test:" + "A" * 43 + "="


@pytest.fixture
def pipeline_settings(database_url, gemini, openai, make_settings):
    def make(**changes: Any):
        return make_settings(
            database_url,
            gemini_base_url=gemini.url,
            openai_base_url=f"{openai.url}/v1",
            token_encryption_keys=RING,
            # Pictures take seconds; the tests of the second reader bring their own.
            **{"ocr": "off", **changes},
        )

    return make


@pytest.fixture
def pipeline(pipeline_settings, gemini, pauses) -> Iterator[Pipeline]:
    settings = pipeline_settings()
    database = create_database(settings, sleep=pauses.sleep_for_database, clock=pauses)
    services = build_services(settings, monotonic=pauses, sleep=pauses.sleep, database=database)
    yield Pipeline(services, gemini)
    services.close()


@pytest.fixture
def environment(database_url, gemini, openai) -> dict[str, str]:
    """Settings of worker processes on the test's database and stand-ins."""
    return {
        "DATABASE_URL": database_url,
        "GEMINI_BASE_URL": gemini.url,
        "OPENAI_BASE_URL": f"{openai.url}/v1",
        "TOKEN_ENCRYPTION_KEYS": RING,
        "AzureWebJobsStorage": "",
        "LOG_LEVEL": "WARNING",
        "PYTHON_THREADPOOL_THREAD_COUNT": "64",
    }
