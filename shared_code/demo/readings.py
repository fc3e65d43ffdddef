"""Has the documents read by the service's own pipeline, one after another, as if each had come at its moment."""

import hashlib
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from shared_code.database.stores.demo import past
from shared_code.database.stores.extractions import jobs
from shared_code.database.stores.extractions.jobs import NewJob
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.demo.companies import company_of
from shared_code.demo.documents import CANCELLED, Decided, Document
from shared_code.demo.model import DemoModel
from shared_code.demo.parts import Parts
from shared_code.errors import Conflict, NotFound, ServiceError
from shared_code.extraction.service import ExtractionService
from shared_code.extraction.submission import Submission
from shared_code.observability.request_context import request_scope
from shared_code.periods import local_day
from shared_code.records import Caller, CallIdentity, Provider
from shared_code.reviews.corrected import Change
from shared_code.reviews.deciding import WantedDecision

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SECONDS = 60.0
_JUST_NOW, _MORNING, _EVENING = 24, 8, 18


@dataclass(slots=True)
class Reader:
    """Reads them. For one thread.

    :ivar chance: makes ids and durations.
    :ivar copies: company, digest and content of the documents that a copy is to be kept of.
    :ivar calls: call id, file and company of each reading, for the log.
    """

    parts: Parts
    chance: random.Random
    copies: dict[tuple[str, str], bytes] = field(default_factory=dict)
    calls: list[tuple[datetime, str, Document]] = field(default_factory=list)
    _models: Mapping[Provider, DemoModel] = field(init=False)
    _service: ExtractionService = field(init=False)

    def __post_init__(self) -> None:
        self._models = {provider: DemoModel(provider) for provider in Provider}
        service = self.parts.extraction
        self._service = replace(service, call_tools=replace(service.call_tools, providers=self._models))

    def read_all(self, made: list[Document]) -> None:
        """Read the documents and decide about them, all in the order of their moments."""
        events: list[tuple[datetime, int, Document, str, Decided | None]] = []
        for document in made:
            reading_id = f"ext_{self.chance.getrandbits(128):032x}"
            came = _in_the_day(self.parts.ago(hours=document.hours_ago), document)
            events.append((came, len(events), document, reading_id, None))
            for decision in document.decided:
                events.append((came + timedelta(hours=decision.hours), len(events), document, reading_id, decision))
        for moment, _, document, reading_id, decided in sorted(events, key=lambda event: event[:2]):
            if decided is not None:
                self._decide(document, reading_id, decided, moment)
            elif document.job is not None:
                self._wait(document, reading_id, moment)
            else:
                self._read(document, reading_id, moment)

    def _submission(self, document: Document, reading_id: str) -> Submission:
        caller = Caller(document.company_id, document.user, document.branch)
        call_id = str(uuid.UUID(int=self.chance.getrandbits(128), version=4))
        return Submission(
            data=document.content,
            identity=CallIdentity(call_id, caller, document.source),
            deadline_seconds=_SECONDS,
            file_name=document.file_name,
            force=document.again,
            model=document.model,
            reading_id=reading_id,
        )

    def _read(self, document: Document, reading_id: str, moment: datetime) -> None:
        submission, database = self._submission(document, reading_id), self.parts.database
        call_id, marks = submission.identity.call_id, database.read(past.marks)
        for model in self._models.values():
            model.tell(document.answer or "", document.trouble)
        with request_scope(call_id=call_id):
            try:
                self._service.extract(submission)
                self.copies[document.company_id, hashlib.sha256(document.content).hexdigest()] = document.content
            except ServiceError:
                pass  # its row says why, which is what the demo shows
        took = timedelta(seconds=self.chance.uniform(1.4, 4.8) if document.answer else 0.03)
        day = local_day(moment.replace(tzinfo=UTC), ZoneInfo(company_of(document.company_id).zone))
        self.calls.append((moment + took, call_id, document))

        def move(connection: "Connection") -> None:
            past.move_reading(connection, reading_id, call_id, at=moment, took=took, day=day)
            past.move_since(connection, marks, moment + took)

        database.run(move)

    def _wait(self, document: Document, reading_id: str, moment: datetime) -> None:
        """An upload that is read later: it waits for its turn, or was called off."""
        job = NewJob(reading_id, document.company_id, hashlib.sha256(document.content).hexdigest())
        if self.parts.jobs is not None and document.job != CANCELLED:
            self.parts.jobs.put(self._submission(document, reading_id))

        def work(connection: "Connection") -> None:
            jobs.insert_job(connection, job)
            if document.job == CANCELLED:
                jobs.end_idle_job(connection, reading_id, state=jobs.CANCELLED)
            past.move_job(connection, reading_id, moment)

        self.parts.database.run(work)

    def _decide(self, document: Document, reading_id: str, decided: Decided, moment: datetime) -> None:
        """Let a clerk of the company decide; a reading that nobody is asked about stays as it is."""
        parts, database = self.parts, self.parts.database
        clerks = company_of(document.company_id).clerks
        actor = Actor(clerks[len(self.calls) % len(clerks)], company_id=document.company_id)
        marks = database.read(past.marks)
        changes = tuple(Change(path, value) for path, value in decided.corrections)
        try:
            review = parts.desk.find(reading_id)
            wanted = WantedDecision(decided.decision, changes, decided.reason)
            parts.desk.decide(reading_id, wanted, actor, matches=lambda version: version == str(review.version))
        except (NotFound, Conflict):
            return

        def move(connection: "Connection") -> None:
            past.move_since(connection, marks, moment)
            past.move_review(connection, reading_id, decided=moment)

        database.run(move)


def _in_the_day(moment: datetime, document: Document) -> datetime:
    """The moment, or one of the same day at which people work; what came just now stays."""
    clock = ZoneInfo(company_of(document.company_id).zone)
    local = moment.replace(tzinfo=UTC).astimezone(clock)
    if document.hours_ago < _JUST_NOW or _MORNING <= local.hour < _EVENING:
        return moment
    worked = local.replace(hour=_MORNING + (local.hour + local.day) % (_EVENING - _MORNING))
    return worked.astimezone(UTC).replace(tzinfo=None)
