"""A document as it was handed over, checked field by field before anything else happens, and the run that reads it.

Names in error messages are those of the upload form (``companyID``, ``licenceID``), which the seed document gave.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared_code.documents.sandbox.turns import waiting
from shared_code.errors import InvalidRequest
from shared_code.extraction.evidence_data import EvidenceWanted
from shared_code.labels import composed, new_reading_id, problem_of, read_company_id, units
from shared_code.providers import vendors
from shared_code.records import Caller, CallIdentity, FileBytes

if TYPE_CHECKING:
    from shared_code.settings import Settings

#: a model call is not started with less time than this, in seconds
LEAST_CALL_SECONDS = 2.0
_USERNAME_LENGTH = 100
_BRANCH_LENGTH = 50
_LICENCE_LENGTH = 100
_SHOWN = 60
_YES = {"true", "1", "yes"}
_NO = {"false", "0", "no", ""}


@dataclass(frozen=True, slots=True)
class Submission:
    """One document and who hands it over. ``file_name`` and ``content_type`` are hints, never trusted.

    ``reading_id`` is the public id that its reading gets, should one be made. ``tried_again`` says that a failure that
    passes is no end of it: the document is read again later, under the same id.
    """

    data: FileBytes = field(repr=False)
    identity: CallIdentity
    deadline_seconds: float
    file_name: str | None = None
    content_type: str | None = None
    force: bool = False
    model: str | None = None
    lines_required: bool = False
    evidence: EvidenceWanted = EvidenceWanted.DEFAULT
    reading_id: str = field(default_factory=new_reading_id)
    tried_again: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """How time passes for runs: ``clock`` is monotonic, ``sleep`` pauses; both in seconds. Tests bring their own."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]


class Deadline:
    """The end of one run. All times are seconds."""

    def __init__(self, seconds: float, pace: Pace) -> None:
        self._pace = pace
        self._started = pace.clock()
        self._ends = self._started + seconds

    @property
    def elapsed(self) -> float:
        """Since the run began."""
        return self._pace.clock() - self._started

    @property
    def left(self) -> float:
        """Until the run must have ended; negative when it is late."""
        return self._ends - self._pace.clock()

    def allows_call(self, *, after_pause: float = 0.0) -> bool:
        """Whether a model call can still be made once ``after_pause`` has passed."""
        return self.left >= after_pause + LEAST_CALL_SECONDS

    def wait(self, seconds: float) -> None:
        """Pause before the next call."""
        with waiting():
            self._pace.sleep(seconds)


@dataclass(frozen=True, slots=True)
class ExtractionContext:
    """One run. ``lease_seconds`` is how long its claim and reservations stand without a sign of life.

    ``reading_id`` is the public id of the reading that the run makes; ``force`` asks for one in any case.
    """

    identity: CallIdentity
    deadline: Deadline
    lease_seconds: int
    reading_id: str
    file_label: str | None = None
    time_zone: str | None = None
    force: bool = False


def read_caller(fields: Mapping[str, str | None]) -> Caller:
    """The caller's labels. Raises :class:`InvalidRequest` that names the field, the limit and the actual value."""
    company = (fields.get("companyID") or "").strip()
    if not company:
        raise InvalidRequest("The field companyID is missing.", details={"field": "companyID"})
    company_id = read_company_id(company)
    if company_id is None:
        raise InvalidRequest(
            "companyID must be 1 to 50 characters of A-Z, a-z, 0-9, '.', '_' and '-', "
            f"not {_shown(company)} ({len(company)} characters).",
            details={"field": "companyID", "limit": 50, "actual": len(company)},
        )
    return Caller(
        company_id=company_id,
        username=_label(fields, "username", _USERNAME_LENGTH),
        branch=_label(fields, "branch", _BRANCH_LENGTH),
        licence_id=_label(fields, "licenceID", _LICENCE_LENGTH),
    )


def read_flag(fields: Mapping[str, str | None], name: str) -> bool:
    """A yes/no field; absent is no."""
    value = (fields.get(name) or "").strip().lower()
    if value in _YES:
        return True
    if value in _NO:
        return False
    raise InvalidRequest(f"{name} must be true or false, not {_shown(value)}.", details={"field": name})


def read_lines_required(fields: Mapping[str, str | None]) -> bool:
    """``lines=required`` asks for line items even where reading them costs a model call."""
    value = (fields.get("lines") or "").strip().lower()
    if value not in {"", "required", "optional"}:
        raise InvalidRequest(f"lines must be required or optional, not {_shown(value)}.", details={"field": "lines"})
    return value == "required"


def read_evidence(fields: Mapping[str, str | None]) -> EvidenceWanted:
    """How much evidence the answer is to show."""
    value = (fields.get("evidence") or "").strip().lower() or EvidenceWanted.DEFAULT
    try:
        return EvidenceWanted(value)
    except ValueError:
        allowed = ", ".join(EvidenceWanted)
        raise InvalidRequest(
            f"evidence must be one of {allowed}, not {_shown(value)}.", details={"field": "evidence"}
        ) from None


def read_model(fields: Mapping[str, str | None], settings: "Settings") -> str | None:
    """The model that the caller asks for, if any.

    :raises InvalidRequest: it is none of those that the settings allow.
    """
    model = (fields.get("model") or "").strip()
    if not model:
        return None
    allowed = vendors.models_allowed(settings)
    if model not in allowed:
        raise InvalidRequest(
            f"model {_shown(model)} is not allowed; allowed are {', '.join(sorted(allowed))}.",
            details={"field": "model", "allowed": sorted(allowed)},
        )
    return model


def _label(fields: Mapping[str, str | None], name: str, limit: int) -> str | None:
    value = composed((fields.get(name) or "").strip())
    if not value:
        return None
    problem = problem_of(value)
    if problem is not None:
        raise InvalidRequest(f"{name} {problem}: {_shown(value)}.", details={"field": name})
    length = units(value)
    if length > limit:
        raise InvalidRequest(
            f"{name} is {length} characters long; the limit is {limit}.",
            details={"field": name, "limit": limit, "actual": length},
        )
    return value


def _shown(value: str) -> str:
    """A value from outside, safe to print."""
    return ascii(value if len(value) <= _SHOWN else value[:_SHOWN] + "...")
