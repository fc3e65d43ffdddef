"""The kinds of failed model calls: what each means for the key, the model, the bill and the caller.

The error tables of all vendors choose among these kinds. A :class:`FailureKind` holds what is decided beforehand;
:meth:`FailureKind.error` adds what only the one call knows (wait hint, HTTP status, vendor's text). The sentence is
ours; the vendor's text is redacted and kept in ``details["provider_message"]`` for logs and the retry table, and never
shown to the caller.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared_code import errors
from shared_code.observability.redaction import redact
from shared_code.providers.base import Billing, KeyEffect, ModelCallFailed, Next

_VENDOR_TEXT_KEPT = 1000
#: Cut before redaction too, so that a long page of HTML costs little. A key that this cuts in two is never shown,
#: because far less is kept.
_VENDOR_TEXT_READ = 20_000
#: What a limit per minute can mean: Gemini's hints are rounded, and a second is added to them.
_MINUTE_LIMIT_SECONDS = 90.0
_DAY_LIMIT_SECONDS = 86_400.0
#: an outage for which a service names its end is maintenance at most
_OUTAGE_SECONDS = 3600.0


class VendorFault(Exception):
    """Replaces an SDK's exception in our chain: holds its type and redacted text, without its objects.

    SDK exceptions carry requests and bodies, and thereby keys, which must not be printed with the chain.
    """


@dataclass(frozen=True, slots=True)
class FailureKind:
    """One row of the decision table; fields as in :class:`ModelCallFailed`.

    :ivar longest_wait_seconds: what the kind of failure can mean at most; a longer hint of the provider is cut to it.
    """

    reason: str
    sentence: str
    next_step: Next
    key_effect: KeyEffect = KeyEffect.NONE
    billing: Billing = Billing.NONE
    public: type[errors.ServiceError] = errors.ProviderUnavailable
    max_same_key_retries: int | None = None
    longest_wait_seconds: float = _OUTAGE_SECONDS

    def error(
        self,
        *,
        vendor_text: str = "",
        http_status: int | None = None,
        wait_seconds: float | None = None,
        cooldown_until: datetime | None = None,
    ) -> ModelCallFailed:
        """The exception to raise. ``vendor_text`` may hold secrets: it is redacted here."""
        failed = ModelCallFailed(
            self.sentence,
            reason=self.reason,
            next_step=self.next_step,
            key_effect=self.key_effect,
            billing=self.billing,
            wait_seconds=None if wait_seconds is None else min(wait_seconds, self.longest_wait_seconds),
            cooldown_until=cooldown_until,
            public=self.public,
            max_same_key_retries=self.max_same_key_retries,
        )
        if vendor_text:
            failed.details["provider_message"] = clean_vendor_text(vendor_text)
        if http_status is not None:
            failed.details["http_status"] = http_status
        return failed


def clean_vendor_text(text: str) -> str:
    """The vendor's text without secrets, in one line, short enough for a column."""
    # Lone surrogates and NUL, which JSON escapes can hold, fit into no database.
    storable = text[:_VENDOR_TEXT_READ].encode("utf-8", "replace").decode("utf-8").replace("\0", " ")
    return " ".join(redact(storable).split())[:_VENDOR_TEXT_KEPT]


def fault_of(error: BaseException) -> VendorFault:
    """A replacement for ``error`` that is safe to print in an exception chain."""
    return VendorFault(f"{type(error).__module__}.{type(error).__qualname__}: {clean_vendor_text(str(error))}")


def _of_key(
    reason: str,
    sentence: str,
    effect: KeyEffect = KeyEffect.BLOCKED,
    public: type[errors.ServiceError] = errors.TokenUnavailable,
) -> FailureKind:
    """Another key may do."""
    return FailureKind(reason, sentence, Next.OTHER_KEY, effect, public=public)


def _of_limit(reason: str, sentence: str, longest_wait_seconds: float) -> FailureKind:
    """The key rests, and another one may do."""
    return FailureKind(
        reason,
        sentence,
        Next.OTHER_KEY,
        KeyEffect.COOLING,
        public=errors.ProviderRateLimited,
        longest_wait_seconds=longest_wait_seconds,
    )


def _after_sending(reason: str, sentence: str, public: type[errors.ServiceError]) -> FailureKind:
    """The request went out, so the call may have been billed: it is repeated once at most."""
    return FailureKind(reason, sentence, Next.SAME_KEY, billing=Billing.UNKNOWN, public=public, max_same_key_retries=1)


def _final(reason: str, sentence: str, public: type[errors.ServiceError] = errors.InternalError) -> FailureKind:
    """No further call would end better, because of the document or, by default, of a fault of ours."""
    return FailureKind(reason, sentence, Next.FAIL, public=public)


# The key
KEY_UNUSABLE = _of_key("key_unusable", "The stored API key is empty or holds characters that no key has.")
KEY_INVALID = _of_key("key_invalid", "The provider does not accept the API key.")
KEY_EXPIRED = _of_key(
    "key_expired", "The provider says that the API key has expired.", KeyEffect.EXPIRED, errors.TokenExpired
)
KEY_LEAKED = _of_key("key_leaked", "The provider has withdrawn the API key because it was found in public.")
KEY_RESTRICTED = _of_key("key_restricted", "The API key is restricted and may not call this service.")
PROJECT_SUSPENDED = _of_key(
    "project_suspended", "The provider has suspended the project of the API key.", KeyEffect.PROJECT_BLOCKED
)
NO_CREDIT = _of_key("no_credit", "The provider account of the API key has no credit.", KeyEffect.NO_CREDIT)
KEY_PRECONDITION = _of_key("key_precondition", "The provider refuses the API key's account here (location or billing).")

# Limits
MINUTE_LIMIT = _of_limit("rate_limited", "The provider's rate limit of the API key is reached.", _MINUTE_LIMIT_SECONDS)
DAY_LIMIT = _of_limit("day_limit", "The provider's daily limit of the API key is reached.", _DAY_LIMIT_SECONDS)

# The service and the way to it
SERVER_ERROR = FailureKind("server_error", "The provider had an internal error.", Next.SAME_KEY, max_same_key_retries=2)
OVERLOADED = FailureKind("overloaded", "The provider is overloaded.", Next.SAME_KEY, max_same_key_retries=2)
SERVER_TIMEOUT = FailureKind(
    "server_timeout",
    "The provider gave up on the request for lack of time.",
    Next.SAME_KEY,
    public=errors.ProviderTimeout,
    max_same_key_retries=1,
)
UNEXPECTED_STATUS = FailureKind(
    "unexpected_status", "The provider answered in an unexpected way.", Next.SAME_KEY, max_same_key_retries=1
)
CONNECT_FAILED = FailureKind("connect_failed", "The provider could not be reached.", Next.SAME_KEY)
DROPPED = _after_sending(
    "connection_dropped",
    "The connection to the provider broke before the answer was complete.",
    errors.ProviderUnavailable,
)
CLIENT_TIMEOUT = _after_sending("client_timeout", "The provider did not answer in time.", errors.ProviderTimeout)
BROKEN_ANSWER = _after_sending(
    "broken_answer", "The provider's answer was empty or not readable.", errors.ProviderBadAnswer
)
NOT_SENDABLE = _final("not_sendable", "The request could not be sent as it is.")

# The model
MODEL_GONE = FailureKind("model_gone", "The model is not available.", Next.OTHER_MODEL)
MODEL_CLOSED = FailureKind(
    "model_closed_to_project", "The model is not available to the project of the API key.", Next.OTHER_MODEL
)
MODEL_SETTING = FailureKind(
    "model_setting_refused", "The model does not take a setting that was sent.", Next.OTHER_MODEL
)

# The document
DOCUMENT_UNREADABLE = _final("document_unreadable", "The provider could not read the document.", errors.InvalidFile)
DOCUMENT_TOO_MANY_PAGES = _final(
    "document_too_many_pages", "The document has more pages than the provider takes.", errors.TooManyPages
)
DOCUMENT_TOO_LONG = _final("document_too_long", "The document is longer than the model can read.", errors.TooManyPages)
DOCUMENT_TOO_LARGE = _final(
    "document_too_large", "The document is larger than the provider takes.", errors.FileTooLarge
)
# What one model refuses another one may take.
DOCUMENT_REFUSED = FailureKind(
    "document_refused", "The provider refuses the document.", Next.OTHER_MODEL, public=errors.ProviderRejected
)

# Our own faults
REQUEST_REFUSED = _final("request_refused", "The provider refuses the request as malformed.")
SCHEMA_REFUSED = FailureKind(
    "schema_refused", "The provider refuses the answer's schema.", Next.OTHER_MODEL, public=errors.InternalError
)
DEADLINE_REFUSED = _final("deadline_refused", "The provider refuses the deadline that was sent as too short.")
KEY_NOT_SENT = _final("key_not_sent", "The request reached the provider without a key.")

#: HTTP statuses that mean the same for all vendors
_BY_STATUS: Mapping[int, FailureKind] = {
    401: KEY_INVALID,
    403: KEY_RESTRICTED,
    408: SERVER_TIMEOUT,
    409: SERVER_ERROR,
    413: DOCUMENT_TOO_LARGE,
    499: SERVER_TIMEOUT,
    502: OVERLOADED,
    503: OVERLOADED,
    504: SERVER_TIMEOUT,
}
_FIRST_CLIENT_ERROR, _FIRST_SERVER_ERROR = 400, 500


def by_status(status: int) -> FailureKind:
    """The kind of failure that an HTTP status means when nothing more is known."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= _FIRST_SERVER_ERROR:
        return SERVER_ERROR
    return REQUEST_REFUSED if status >= _FIRST_CLIENT_ERROR else UNEXPECTED_STATUS


def not_from_vendor(kind: FailureKind) -> FailureKind:
    """The kind of an error that somebody on the way sent, such as a firewall: it says nothing about the key."""
    return kind if kind.key_effect is KeyEffect.NONE else UNEXPECTED_STATUS
