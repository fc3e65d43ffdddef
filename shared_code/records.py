"""The values that cross borders between modules: frozen, without behaviour that does I/O.

Token counts are model tokens. ``None`` means that the provider did not say; it is never replaced by 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from shared_code.labels import composed

#: the content of a file: a view where it lies within something larger, such as a form
FileBytes = bytes | memoryview
#: what a megabyte is wherever a limit of the service counts in it
BYTES_PER_MB = 1_048_576


class Provider(StrEnum):
    """Model providers, spelled as TokenMaster.Provider holds them; the first is the default.

    Each has its folder in ``shared_code.providers``; see ``shared_code.providers.vendors``.
    """

    GEMINI = "Gemini"
    OPENAI = "OpenAI"

    @classmethod
    def parse(cls, text: str | None) -> "Provider | None":
        """Read a value typed by hand: case and blanks do not count, NULL and '' mean Gemini, anything else is None."""
        cleaned = (text or "").strip().lower()
        if not cleaned:
            return cls.GEMINI
        return next((member for member in cls if member.value.lower() == cleaned), None)

    @classmethod
    def spelled_out(cls) -> str:
        """All names for a sentence: ``Gemini or OpenAI``."""
        *others, last = (member.value for member in cls)
        return f"{', '.join(others)} or {last}"


class KeyStatus(StrEnum):
    """Statuses of a company's API key, spelled as TokenMaster.Status holds them."""

    ACTIVE = "Active"
    BELOW_THRESHOLD = "BelowThreshold"
    FULLY_UTILIZED = "FullyUtilized"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    EXCEEDED = "Exceeded"
    DISABLED = "Disabled"

    @classmethod
    def parse(cls, text: str | None) -> "KeyStatus | None":
        """Read a status typed by hand: case and blanks do not count; unknown or NULL is None (the key is not used)."""
        cleaned = "".join((text or "").split()).lower()
        return next((member for member in cls if member.value.lower() == cleaned), None)


class UsageKind(StrEnum):
    """What a usage row stands for."""

    USAGE = "usage"
    UNMEASURED = "unmeasured"
    CORRECTION = "correction"


class Source(StrEnum):
    """The way a document came in."""

    HTTP = "http"
    BLOB = "blob"
    CLI = "cli"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class Usage:
    """What one billed model call cost, in model tokens.

    ``input_tokens`` includes cached ones; ``output_tokens`` includes thoughts; ``total_tokens`` is the provider's own
    total. ``modalities`` holds the provider's split by modality in the seed's naming
    (``text_prompt_tokens``, ``image_prompt_tokens``, ``text_candidates_tokens``, ...); it need not sum to the counts.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    thoughts_tokens: int | None = None
    cached_tokens: int | None = None
    modalities: Mapping[str, int] = field(default_factory=dict)
    requests: int = 1

    @property
    def measured(self) -> bool:
        """Whether the provider said what the call cost."""
        return self.billable_tokens is not None

    @property
    def billable_tokens(self) -> int | None:
        """The provider's total, or input + output when it gave only those; None when nothing is known."""
        if self.total_tokens is not None:
            return self.total_tokens
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return (self.input_tokens or 0) + (self.output_tokens or 0)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A provider key of a company with its budget, as read from the database. ``secret`` is plain: never log it.

    ``stored_key`` is the key as its row holds it, by which one that took its place in the row is told apart.
    """

    token_id: int | None
    company_id: str
    provider: Provider
    status: KeyStatus
    secret: str = field(repr=False)
    stored_key: str | None = field(default=None, repr=False)
    total_token_limit: int | None = None
    remaining_tokens: int | None = None
    reserved_tokens: int = 0
    cooldown_until: datetime | None = None
    provider_project: str | None = None
    has_summary: bool = True

    @property
    def available_tokens(self) -> int | None:
        """Tokens that a new reservation can take, or None when there is no limit."""
        return None if self.remaining_tokens is None else self.remaining_tokens - self.reserved_tokens


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as labels for accounting. ``company_id`` is folded to upper case, the others are composed (NFC)."""

    company_id: str
    username: str | None = None
    branch: str | None = None
    licence_id: str | None = None

    def __post_init__(self) -> None:
        for name in ("username", "branch", "licence_id"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, composed(value))


@dataclass(frozen=True, slots=True)
class CallIdentity:
    """Who asked for which document: the labels that every row of one run of the pipeline carries.

    ``call_id`` is ours, new for each run; ``request_id`` is only a label of the client; ``document_sha256`` is None
    until the document was opened, and for use that was reported from outside.
    """

    call_id: str
    caller: Caller
    source: Source
    request_id: str | None = None
    document_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a model call asks of the budgets, before a key is chosen. Amounts are model tokens.

    ``input_bound`` is an upper bound of the input; ``output_cap`` the answer that we would allow (thoughts included);
    ``output_floor`` the answer that the document is expected to need: near a limit the cap shrinks to what is left,
    but never below it.
    """

    identity: CallIdentity
    attempt: int
    model: str
    input_bound: int
    output_cap: int
    output_floor: int
    lease_seconds: int

    @property
    def full_bound(self) -> int:
        """Tokens to reserve when nothing is scarce."""
        return self.input_bound + self.output_cap

    @property
    def least_bound(self) -> int:
        """Tokens below which the call would be cut for nothing."""
        return self.input_bound + min(self.output_floor, self.output_cap)


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One row of TokenUsageLogs. Amounts of tokens follow :class:`Usage`; ``cost_usd`` is None when unknown."""

    identity: CallIdentity
    attempt: int
    kind: UsageKind
    token_id: int | None
    usage: Usage
    local_day: date
    model: str | None
    outcome: str
    cost_usd: Decimal | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Tokens set aside for one model call, on a key and on every quota counter of the caller in its day and month."""

    identity: CallIdentity
    attempt: int
    token_id: int | None
    local_day: date
    provider: Provider
    model: str
    bound_tokens: int

    def usage_row(
        self,
        usage: Usage,
        *,
        outcome: str,
        kind: UsageKind = UsageKind.USAGE,
        model: str | None = None,
        cost_usd: Decimal | None = None,
        duration_ms: int | None = None,
    ) -> UsageRow:
        """The row that settles this reservation with ``usage``; ``model`` is the version that answered."""
        return UsageRow(
            identity=self.identity,
            attempt=self.attempt,
            kind=kind,
            token_id=self.token_id,
            usage=usage,
            local_day=self.local_day,
            model=model or self.model,
            outcome=outcome,
            cost_usd=cost_usd,
            duration_ms=duration_ms,
        )


@dataclass(frozen=True, slots=True)
class RetryAttempt:
    """One failed attempt for the RetryAttempts table; ``error`` is already redacted."""

    attempt: int
    error: str
    retryable: bool
    token_id: int | None = None
    company_id: str | None = None
    call_id: str | None = None
    request_id: str | None = None
    timestamp: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A remark on an extraction. ``review`` findings set the status needs_review."""

    code: str
    message: str
    field: str | None = None
    expected: str | None = None
    found: str | None = None
    review: bool = True

    def as_dict(self) -> dict[str, str | bool | None]:
        """The shape of one entry of ``warnings``."""
        return {
            "code": self.code,
            "field": self.field,
            "message": self.message,
            "expected": self.expected,
            "found": self.found,
            "review": self.review,
        }


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition that an operator should know of. ``details`` are JSON facts, never secret."""

    kind: str
    subject: str
    severity: str
    message: str
    details: Mapping[str, Any]
    alert_id: int | None = None
    opened_at: datetime | None = None
    last_seen_at: datetime | None = None
    closed_at: datetime | None = None
    occurrences: int = 1
