"""Sends documents with known values through the service, one after another, and judges what comes back."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared_code import errors
from shared_code.evaluation.judging import Judged, judge
from shared_code.evaluation.known_values import KnownDocument
from shared_code.evaluation.metering import Meter, OverSpendingLimit, metered
from shared_code.extraction.service import ExtractionService
from shared_code.extraction.submission import Submission
from shared_code.observability.request_context import request_scope
from shared_code.records import Caller, CallIdentity, Source

#: errors that the next document would meet as well
HOPELESS = (errors.AccessError, errors.ConfigurationError, errors.DatabaseUnavailable)
#: errors that say nothing about the document: it is left out
_PASSING = (
    OverSpendingLimit,
    errors.AlreadyProcessing,
    errors.Busy,
    errors.ProviderRateLimited,
    errors.ProviderTimeout,
    errors.ProviderUnavailable,
    errors.QuotaExceeded,
)
REFUSED = "refused"
FAILED = "failed"


def total_usd(costs: Iterable[Decimal | None]) -> Decimal | None:
    """The sum, None when one of them is not known."""
    total = Decimal(0)
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total


@dataclass(frozen=True, slots=True)
class Wanted:
    """What every document is asked with.

    :ivar models: by name; None is what the company's keys and the settings choose.
    :ivar cached: whether an earlier answer will do; else each document is read anew.
    """

    caller: Caller
    models: Sequence[str | None]
    cached: bool = False
    lines: bool = False


@dataclass(frozen=True, slots=True)
class DocumentRun:
    """One document as one model read it.

    :ivar outcome: a status of the service, ``refused`` (the document cannot be read) or ``failed`` (another error).
    :ivar as_expected: whether that outcome is a right one; None when nobody said which is.
    :ivar method: how it was read (model, cached, embedded_xml, ...), None without an answer.
    :ivar error: code and message in place of an answer.
    :ivar cut_short: whether a further call was not made, because it did not fit into the limit.
    :ivar cost_usd: None when the price of a call is not known.
    """

    document: KnownDocument
    model: str | None
    outcome: str
    values: tuple[Judged, ...]
    tokens: int
    cost_usd: Decimal | None
    calls: int
    seconds: float
    method: str | None = None
    answered_by: str | None = None
    error: tuple[str, str] | None = None
    warnings: tuple[str, ...] = ()
    cut_short: bool = False

    @property
    def as_expected(self) -> bool | None:
        """Whether the document came out in a right way."""
        right = self.document.outcomes
        return None if right is None else self.outcome in right

    @property
    def passed(self) -> bool:
        """Whether nobody would look at the answer: the service asks for no review."""
        return self.outcome == "ok"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A document that a model was not asked about, and why; what a call had cost until then."""

    document: KnownDocument
    model: str | None
    code: str
    message: str
    tokens: int = 0
    cost_usd: Decimal | None = None


class Evaluation:
    """Runs documents through the pipeline. For one thread.

    :param limit_usd: dollars for everything together; None = no limit.
    """

    def __init__(self, service: ExtractionService, wanted: Wanted, limit_usd: Decimal | None = None) -> None:
        self.meter = Meter(limit_usd, service.call_tools.costs.clock)
        self._service = metered(service, self.meter)
        self._wanted = wanted

    def check(self) -> None:
        """Find out what would stop every run, before the first one.

        :raises errors.AccessError: the company has no usable key, or none for a model.
        :raises errors.QuotaExceeded: it has one, but its limit is used up.
        :raises errors.InvalidRequest: a limit was set for a model whose price is not known.
        """
        service = self._service
        company = service.keys.usable_keys(self._wanted.caller.company_id)
        for model in self._wanted.models:
            try:
                choice = service.planner.choose(company, asked_model=model)
            except errors.TokenUnavailable as error:
                name = self._wanted.caller.company_id
                raise errors.TokenUnavailable(f"Company {name} has no usable key for the model {model}.") from error
            if self.meter.limit_usd is not None and self.meter.price(choice.model, 1, 1) is None:
                raise errors.InvalidRequest(
                    f"No price is known for the model {choice.model}, so that --limit-usd cannot hold.",
                    details={"field": "limit-usd"},
                )

    def run(self, document: KnownDocument, model: str | None) -> DocumentRun | LeftOut:
        """Read one document by one model.

        :raises errors.ServiceError: one of :data:`HOPELESS`.
        """
        self.meter.begin()
        clock = self._service.pace.clock
        started = clock()
        try:
            submission = self._submission(document, model)
        except OSError as error:
            return LeftOut(document, model, "UNREADABLE", f"The file cannot be opened: {error.strerror}.")
        try:
            with request_scope(call_id=submission.identity.call_id):
                data: Any = self._service.extract(submission).data
        except HOPELESS:
            raise
        except _PASSING as error:
            return LeftOut(document, model, error.code, error.message, self._tokens(), self._cost())
        except errors.ServiceError as error:
            outcome = REFUSED if isinstance(error, (errors.RequestError, errors.ProviderRejected)) else FAILED
            return self._judged(document, model, outcome, {}, clock() - started, (error.code, error.message))
        return self._judged(document, model, data["status"], data, clock() - started)

    def _submission(self, document: KnownDocument, model: str | None) -> Submission:
        return Submission(
            data=document.path.read_bytes(),
            identity=CallIdentity(str(uuid.uuid4()), self._wanted.caller, Source.CLI),
            deadline_seconds=self._service.settings.request_deadline_seconds,
            file_name=document.path.name,
            force=not self._wanted.cached,
            model=model,
            lines_required=self._wanted.lines,
        )

    def _judged(
        self,
        document: KnownDocument,
        model: str | None,
        outcome: str,
        data: dict[str, Any],
        seconds: float,
        error: tuple[str, str] | None = None,
    ) -> DocumentRun:
        may_be_refused = document.outcomes is not None and REFUSED in document.outcomes
        values = () if outcome == REFUSED and may_be_refused else judge(document, data, self.meter.answers)
        provenance = data.get("provenance") or {}
        return DocumentRun(
            document,
            model,
            outcome,
            values,
            self._tokens(),
            self._cost(),
            sum(row.usage.requests for row in self.meter.rows),
            seconds,
            provenance.get("method"),
            provenance.get("model"),
            error,
            tuple(dict.fromkeys(warning["code"] for warning in data.get("warnings", ()))),
            self.meter.refused,
        )

    def _tokens(self) -> int:
        return sum(row.usage.billable_tokens or 0 for row in self.meter.rows)

    def _cost(self) -> Decimal | None:
        return total_usd(row.cost_usd for row in self.meter.rows)


def interleaved(
    documents: Sequence[KnownDocument], models: Sequence[str | None]
) -> Iterator[tuple[KnownDocument, str | None]]:
    """Each document by all models before the next one, so that models can be compared wherever a run ends."""
    return ((document, model) for document in documents for model in models)
