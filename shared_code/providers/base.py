"""What the pipeline asks of a model provider, and how a provider says what went wrong.

A provider makes exactly one HTTP call per ``generate`` and never retries: retries, other keys and other models are
decisions of the pipeline, which meters each call on its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from shared_code import errors
from shared_code.records import Provider, Usage


class Next(StrEnum):
    """What to do after a failed call."""

    SAME_KEY = "same key"
    OTHER_KEY = "other key"
    OTHER_MODEL = "other model"
    FAIL = "fail"


class KeyEffect(StrEnum):
    """What a failure says about the key that was used."""

    NONE = "none"
    BLOCKED = "blocked"
    PROJECT_BLOCKED = "project blocked"
    EXPIRED = "expired"
    NO_CREDIT = "no credit"
    COOLING = "cooling"


class Billing(StrEnum):
    """Whether a call cost tokens."""

    NONE = "none"
    MEASURED = "measured"
    UNKNOWN = "unknown"


class Finish(StrEnum):
    """Why the model stopped."""

    STOP = "stop"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Media:
    """One part of the document as it is sent: bytes of a type that the provider reads."""

    mime_type: str
    data: bytes = field(repr=False)
    name: str = "document"


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question to a model.

    :ivar prompt: instructions and, on a second look, the document's text.
    :ivar schema: the wire schema as a plain JSON-schema dict; leaves are nullable strings.
    :ivar max_output_tokens: cap on the answer, thoughts included; part of the reservation.
    """

    model: str
    prompt: str
    schema: Mapping[str, Any]
    media: Sequence[Media]
    max_output_tokens: int
    system: str | None = None


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A billed answer (HTTP 200), usable or not; ``finish`` says which. ``text`` is the raw JSON text or ''."""

    text: str = field(repr=False)
    usage: Usage
    finish: Finish
    model_version: str | None = None
    response_id: str | None = None
    reason: str | None = None


class ModelCallFailed(errors.ProviderError):
    """A call that gave no answer, classified. Raised by providers only; the pipeline turns it into a public error.

    :ivar next: what to try next.
    :ivar key_effect: what it says about the key.
    :ivar wait_seconds: the provider's own wait hint, if any.
    :ivar cooldown_until: naive UTC moment until which the key should rest (COOLING only), None = use ``wait_seconds``.
    :ivar billing: NONE when nothing can have been billed, UNKNOWN when it may have been (timeouts, broken answers).
    :ivar public: class of the error that the user sees when nothing else helps.
    """

    def __init__(  # noqa: PLR0913 - a classification has this many facts; all but the first are keywords
        self,
        message: str,
        *,
        reason: str,
        next_step: Next,
        key_effect: KeyEffect = KeyEffect.NONE,
        billing: Billing = Billing.NONE,
        wait_seconds: float | None = None,
        cooldown_until: datetime | None = None,
        public: type[errors.ServiceError] = errors.ProviderUnavailable,
        max_same_key_retries: int | None = None,
    ) -> None:
        super().__init__(message, details={"reason": reason})
        self.reason = reason
        self.next_step = next_step
        self.key_effect = key_effect
        self.billing = billing
        self.wait_seconds = wait_seconds
        self.cooldown_until = cooldown_until
        self.public = public
        self.max_same_key_retries = max_same_key_retries

    @property
    def retry_is_useful(self) -> bool:
        """Whether any further attempt (same key, other key or other model) makes sense."""
        return self.next_step is not Next.FAIL


class ModelProvider(Protocol):
    """One vendor. Implementations are thread-safe and hold one client for the process."""

    provider: Provider

    def generate(self, request: ModelRequest, *, api_key: str, timeout_seconds: float) -> ModelAnswer:
        """Ask once. Raises :class:`ModelCallFailed`; never an SDK or transport exception."""

    def list_models(self, *, api_key: str, timeout_seconds: float) -> list[str]:
        """Names of the models that the key may use; costs no tokens. Raises :class:`ModelCallFailed`."""

    def close(self) -> None:
        """Close idle connections; a later call opens new ones."""
