"""What the pipeline asks of a model provider, and how a provider reports a failed call.

A provider makes exactly one HTTP call per ``generate`` and never retries: the pipeline decides about retries, other
keys and other models, and books each call on its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from shared_code import errors
from shared_code.records import FileBytes, Provider, Usage


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
    """One part of the document as it is sent, of a type that the provider reads; ``name`` serves as its file name."""

    mime_type: str
    data: FileBytes = field(repr=False)
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
    """A billed answer (HTTP 200), usable or not.

    :ivar text: the raw JSON text; empty when there is none.
    :ivar finish: why the model stopped; only the text of a STOP is worth parsing.
    :ivar model_version: the model that answered, as the vendor names it; None when it names none. The vendor may have
        routed the call to another model than the one that was asked.
    :ivar reason: the vendor's own word for ``finish``, for logs.
    """

    text: str = field(repr=False)
    usage: Usage
    finish: Finish
    model_version: str | None = None
    reason: str | None = None


class ModelCallFailed(errors.ProviderError):
    """A call that gave no answer, classified. Raised by providers only; the pipeline turns it into a public error.

    :ivar reason: the kind of failure as a short code, for logs and the retry table.
    :ivar next_step: what to try next.
    :ivar key_effect: what it says about the key.
    :ivar wait_seconds: the provider's own wait hint, if any.
    :ivar cooldown_until: naive UTC moment until which the key should rest (COOLING only), None = use ``wait_seconds``.
    :ivar billing: NONE when nothing can have been billed, UNKNOWN when it may have been (timeouts, broken answers).
    :ivar public: class of the error that the user sees when nothing else helps.
    :ivar max_same_key_retries: fewer retries with the same key than the retry policy allows; None = as many.
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


class ModelProvider(Protocol):
    """The client of one vendor. Implementations are thread-safe and hold one connection pool for the process."""

    provider: Provider

    def prepare(self) -> None:
        """Make everything ready that a call needs beside its request, before tokens are reserved for it.

        The first call of a process takes seconds for it; while nothing is reserved, a kill costs nothing. Later calls
        of this method cost next to nothing.

        :raises errors.ConfigurationError: the client cannot be built in this environment.
        """

    def generate(self, request: ModelRequest, *, api_key: str, timeout_seconds: float) -> ModelAnswer:
        """Ask once.

        :param timeout_seconds: for the whole answer.
        :raises ModelCallFailed: there is no answer; never an SDK's or a transport's exception.
        :raises errors.ConfigurationError: the client cannot be built in this environment.
        """

    def list_models(self, *, api_key: str, timeout_seconds: float) -> list[str]:
        """Names of the models that the key may use; costs no tokens.

        :raises ModelCallFailed, errors.ConfigurationError: as for :meth:`generate`.
        """

    def close(self) -> None:
        """Close idle connections; a later call opens new ones."""
