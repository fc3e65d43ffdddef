"""The data part of an answer as it is returned and stored, whichever way the document was read."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NotRequired, Protocol, TypedDict

from shared_code.database.stores.extractions.late_findings import judged_result
from shared_code.database.stores.extractions.readings import DONE, Finished, ReadingHead
from shared_code.documents.document import Document
from shared_code.extraction.earlier_documents import Earlier
from shared_code.extraction.evidence_data import Evidences, EvidenceWanted, packed, shown, unpacked, with_evidence
from shared_code.extraction.reviewed import Reviewed, ReviewedRow
from shared_code.invoices.result import ExtractionResult, ResultData
from shared_code.records import Usage
from shared_code.reviews.corrected import corrected
from shared_code.reviews.facts import facts_of

#: what a late finding replaces, of the reading and of each invoice
_VERDICT = ("status", "warnings", "confidence")


class Provenance(TypedDict):
    """How the document was read. ``provider`` and ``model`` are None when no model was asked."""

    method: str
    provider: str | None
    model: str | None
    pages: int
    sha256: str
    syntax: NotRequired[str]
    guideline: NotRequired[str | None]
    #: of a file in a signed envelope: the name in the certificate, None for one that names nobody, and ``unverified``
    signed_by: NotRequired[str | None]
    signature: NotRequired[str]


def signed(provenance: Provenance, document: Document) -> Provenance:
    """The provenance, with who signed the envelope around the document, if there was one."""
    if document.signed_by is None:
        return provenance
    return {**provenance, "signed_by": document.signed_by or None, "signature": "unverified"}


class UsageData(TypedDict):
    """What the calls of one run cost in all. Never a key or a TokenID."""

    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    thoughts_tokens: int | None
    cached_tokens: int | None
    by_modality: dict[str, int]
    requests: int
    cost_usd: str | None


class BookedUsage(Protocol):
    """What one call was booked at."""

    @property
    def usage(self) -> Usage:
        """Its tokens."""

    @property
    def cost_usd(self) -> Decimal | None:
        """Its price; None when that is unknown."""


class StoredRow(ReviewedRow, Protocol):
    """A stored reading; its texts are JSON, ``evidence`` is compressed."""

    @property
    def result(self) -> str | None:
        """What was answered first."""

    @property
    def evidence(self) -> bytes | None:
        """Where the values stand."""

    @property
    def evidence_version(self) -> int | None:
        """None for the first one."""

    @property
    def late_verdict(self) -> str | None:
        """What a late finding thinks of the values."""


class StoredData(ResultData):
    """``data`` as it is stored with the reading: what does not depend on who asks for it."""

    provenance: Provenance
    duplicate_of: str | None


class ReviewData(TypedDict):
    """What a person made of a reading: ``none`` until one has to look at it."""

    state: str


class AnswerData(StoredData):
    """``data`` as it is answered.

    ``id`` is the public id of the reading, ``cached`` whether an earlier run made it, ``state`` what became of the run
    (an answer is always of one that is done), and ``supersedes`` the id of the reading that it was made instead of.
    ``evidence_version`` is 2 once a late second reading has judged the values anew.
    """

    id: str | None
    state: str
    cached: bool
    supersedes: str | None
    review: ReviewData
    evidence_version: int
    usage: UsageData


@dataclass(frozen=True, slots=True)
class ReadingName:
    """Which reading an answer gives. ``reading_id`` is None only for one that an earlier version has stored."""

    reading_id: str | None
    supersedes: str | None = None
    cached: bool = False


def stored_data(result: ExtractionResult, earlier: Earlier, provenance: Provenance) -> StoredData:
    """The data that is answered and stored, with what earlier documents say about it."""
    return StoredData(**_with_earlier(result, earlier), provenance=provenance, duplicate_of=earlier.duplicate_of)


def _with_earlier(result: ExtractionResult, earlier: Earlier) -> ResultData:
    own = result.result_dict()
    own["warnings"] += [finding.as_dict() for finding in earlier.findings]
    return own


def verdict_text(result: ExtractionResult, earlier: Earlier) -> str:
    """What is thought of a result without its values, as JSON text; see :func:`stored_answer`."""
    own = _with_earlier(result, earlier)
    invoices = [{name: one[name] for name in _VERDICT} for one in own["invoices"]]
    return json.dumps({**{name: own[name] for name in _VERDICT}, "invoices": invoices}, ensure_ascii=False)  # type: ignore[literal-required]


def finished(result: ExtractionResult, data: StoredData, head: ReadingHead) -> Finished:
    """What is stored of a run that succeeded."""
    return Finished(
        status=data["status"],
        result=json.dumps(data, ensure_ascii=False),
        duplicate_key=result.duplicate_key,
        similar_key=result.similar_key,
        invoice_number=result.invoice_number,
        head=head,
        evidence=packed(result.evidence),
        review=facts_of(data),
    )


def answer_data(
    data: StoredData,
    booked: Sequence[BookedUsage],
    name: ReadingName,
    evidence: Evidences = (),
    *,
    evidence_version: int = 1,
    reviewed: Reviewed | None = None,
) -> AnswerData:
    """The stored data with the reading's name, its evidence and what was booked; no rows mean that it cost nothing.

    :param reviewed: what persons made of it.
    """
    reviewed = reviewed or Reviewed()
    invoices = with_evidence(data["invoices"], evidence)
    if reviewed.corrected_values is not None:
        # Of values that a person gave there is evidence, also where there was none before.
        invoices = [{"evidence": {}, **invoice} for invoice in invoices]
    data = corrected({**data, "invoices": invoices}, reviewed.corrected_values)
    return AnswerData(
        id=name.reading_id,
        state=DONE,
        cached=name.cached,
        supersedes=name.supersedes,
        review=ReviewData(state=reviewed.state),
        evidence_version=evidence_version,
        **data,
        usage=usage_data(booked),
    )


def stored_answer(
    stored: StoredRow, name: ReadingName, booked: Sequence[BookedUsage] = (), *, as_corrected: bool = True
) -> AnswerData:
    """The answer of a reading that is done, with what a late finding says of its values.

    :param as_corrected: with the values that persons corrected, and the state of its review.
    """
    data: Any = judged_result(stored.result or "{}", stored.late_verdict)
    version, reviewed = stored.evidence_version or 1, Reviewed.of(stored) if as_corrected else None
    return answer_data(data, booked, name, unpacked(stored.evidence), evidence_version=version, reviewed=reviewed)


def cached_answer(stored: StoredRow, name: ReadingName) -> AnswerData:
    """The answer that a stored reading gives to another caller: at no cost."""
    answer = stored_answer(stored, name)
    return {**answer, "provenance": {**answer["provenance"], "method": "cached"}}


def presented(data: AnswerData, evidence: EvidenceWanted) -> AnswerData:
    """The answer with as much evidence as is wanted."""
    return {**data, "invoices": shown(data["invoices"], evidence)}


def usage_data(booked: Sequence[BookedUsage]) -> UsageData:
    """Sums over all calls; a count that no call reported is None, and a cost is None when one of them is unknown."""
    calls, costs = [row.usage for row in booked], [row.cost_usd for row in booked]
    modalities: Counter[str] = Counter()
    for usage in calls:
        modalities.update(usage.modalities)
    cost = None if any(price is None for price in costs) else sum((price or Decimal(0) for price in costs), Decimal(0))
    return UsageData(
        input_tokens=_sum([usage.input_tokens for usage in calls]),
        output_tokens=_sum([usage.output_tokens for usage in calls]),
        total_tokens=_sum([usage.billable_tokens for usage in calls]),
        thoughts_tokens=_sum([usage.thoughts_tokens for usage in calls]),
        cached_tokens=_sum([usage.cached_tokens for usage in calls]),
        by_modality=dict(modalities),
        requests=sum(usage.requests for usage in calls),
        cost_usd=None if cost is None else f"{cost:f}",
    )


def sentence(data: AnswerData) -> str:
    """What people are told of a status."""
    return {
        "ok": "Invoice processed successfully",
        "needs_review": "Invoice processed; please review the warnings",
        "not_an_invoice": "The document is not an invoice",
        "multiple_invoices": "The file holds several invoices",
    }[data["status"]]


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known or not counts else None
