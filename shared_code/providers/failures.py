"""What a failed model call means: the decisions that both vendors' error tables share.

A :class:`Verdict` holds everything that is decided beforehand; :meth:`Verdict.failure` adds what only the one call
knows (wait hint, status, vendor's text). The sentence is ours; the vendor's text is redacted and kept in
``details["provider_message"]`` for logs and the retry table, never for the caller.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared_code import errors
from shared_code.observability.redaction import redact, remember_secret
from shared_code.providers import failures
from shared_code.providers.base import Billing, KeyEffect, ModelCallFailed, Next

_VENDOR_TEXT_KEPT = 1000
#: cut before redaction, so that a page of HTML costs nothing; what may be a torn key at the end is cut off after it
_VENDOR_TEXT_READ = 20_000


class VendorFault(Exception):
    """Takes the vendor's exception's place in our chain: its type and redacted text, without its objects.

    SDK exceptions carry requests and bodies, and with them keys; whoever prints a chain must not print those.
    """


@dataclass(frozen=True, slots=True)
class Verdict:
    """One row of the decision table; fields as in :class:`ModelCallFailed`."""

    reason: str
    sentence: str
    next_step: Next
    key_effect: KeyEffect = KeyEffect.NONE
    billing: Billing = Billing.NONE
    public: type[errors.ServiceError] = errors.ProviderUnavailable
    max_same_key_retries: int | None = None

    def failure(
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
            wait_seconds=wait_seconds,
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
    """The vendor's words without secrets, in one line, cut to a length that a table row takes."""
    # Half surrogates and NUL, which an escape in JSON can bring in, fit into no database.
    storable = text[:_VENDOR_TEXT_READ].encode("utf-8", "replace").decode("utf-8").replace("\0", " ")
    return " ".join(redact(storable).split())[:_VENDOR_TEXT_KEPT]


def fault_of(error: BaseException) -> VendorFault:
    """A stand-in for ``error`` that is safe in an exception chain."""
    return VendorFault(f"{type(error).__module__}.{type(error).__qualname__}: {clean_vendor_text(str(error))}")


# The key
KEY_UNUSABLE = Verdict(
    "key_unusable",
    "The stored API key is empty or holds characters that no key has.",
    Next.OTHER_KEY,
    KeyEffect.BLOCKED,
    public=errors.TokenUnavailable,
)
KEY_INVALID = Verdict(
    "key_invalid",
    "The provider does not accept the API key.",
    Next.OTHER_KEY,
    KeyEffect.BLOCKED,
    public=errors.TokenUnavailable,
)
KEY_EXPIRED = Verdict(
    "key_expired",
    "The provider says that the API key has expired.",
    Next.OTHER_KEY,
    KeyEffect.EXPIRED,
    public=errors.TokenExpired,
)
KEY_LEAKED = Verdict(
    "key_leaked",
    "The provider has withdrawn the API key because it was found in public.",
    Next.OTHER_KEY,
    KeyEffect.BLOCKED,
    public=errors.TokenUnavailable,
)
KEY_RESTRICTED = Verdict(
    "key_restricted",
    "The API key is restricted and may not call this service.",
    Next.OTHER_KEY,
    KeyEffect.BLOCKED,
    public=errors.TokenUnavailable,
)
PROJECT_SUSPENDED = Verdict(
    "project_suspended",
    "The provider has suspended the project of the API key.",
    Next.OTHER_KEY,
    KeyEffect.PROJECT_BLOCKED,
    public=errors.TokenUnavailable,
)
NO_CREDIT = Verdict(
    "no_credit",
    "The provider account of the API key has no credit.",
    Next.OTHER_KEY,
    KeyEffect.NO_CREDIT,
    public=errors.TokenUnavailable,
)
KEY_PRECONDITION = Verdict(
    "key_precondition",
    "The provider refuses the API key's account here (location or billing).",
    Next.OTHER_KEY,
    KeyEffect.BLOCKED,
    public=errors.TokenUnavailable,
)

# Limits
MINUTE_LIMIT = Verdict(
    "rate_limited",
    "The provider's rate limit of the API key is reached.",
    Next.OTHER_KEY,
    KeyEffect.COOLING,
    public=errors.ProviderRateLimited,
)
DAY_LIMIT = Verdict(
    "day_limit",
    "The provider's daily limit of the API key is reached.",
    Next.OTHER_KEY,
    KeyEffect.COOLING,
    public=errors.ProviderRateLimited,
)

# The service and the way to it
SERVER_ERROR = Verdict("server_error", "The provider had an internal error.", Next.SAME_KEY, max_same_key_retries=2)
OVERLOADED = Verdict("overloaded", "The provider is overloaded.", Next.SAME_KEY, max_same_key_retries=2)
SERVER_TIMEOUT = Verdict(
    "server_timeout",
    "The provider gave up on the request for lack of time.",
    Next.SAME_KEY,
    public=errors.ProviderTimeout,
    max_same_key_retries=1,
)
UNEXPECTED_STATUS = Verdict(
    "unexpected_status", "The provider answered in an unexpected way.", Next.SAME_KEY, max_same_key_retries=1
)
CONNECT_FAILED = Verdict("connect_failed", "The provider could not be reached.", Next.SAME_KEY)
DROPPED = Verdict(
    "connection_dropped",
    "The connection to the provider broke before the answer was complete.",
    Next.SAME_KEY,
    billing=Billing.UNKNOWN,
    max_same_key_retries=1,
)
CLIENT_TIMEOUT = Verdict(
    "client_timeout",
    "The provider did not answer in time.",
    Next.SAME_KEY,
    billing=Billing.UNKNOWN,
    public=errors.ProviderTimeout,
    max_same_key_retries=1,
)
BROKEN_ANSWER = Verdict(
    "broken_answer",
    "The provider's answer was empty or not readable.",
    Next.SAME_KEY,
    billing=Billing.UNKNOWN,
    public=errors.ProviderBadAnswer,
    max_same_key_retries=1,
)
NOT_SENDABLE = Verdict(
    "not_sendable", "The request could not be sent as it is.", Next.FAIL, public=errors.InternalError
)

# The model
MODEL_GONE = Verdict("model_gone", "The model is not available.", Next.OTHER_MODEL)
MODEL_CLOSED = Verdict(
    "model_closed_to_project", "The model is not available to the project of the API key.", Next.OTHER_MODEL
)
MODEL_SETTING = Verdict("model_setting_refused", "The model does not take a setting that was sent.", Next.OTHER_MODEL)

# The document
DOCUMENT_UNREADABLE = Verdict(
    "document_unreadable", "The provider could not read the document.", Next.FAIL, public=errors.InvalidFile
)
DOCUMENT_TOO_MANY_PAGES = Verdict(
    "document_too_many_pages",
    "The document has more pages than the provider takes.",
    Next.FAIL,
    public=errors.TooManyPages,
)
DOCUMENT_TOO_LONG = Verdict(
    "document_too_long", "The document is longer than the model can read.", Next.FAIL, public=errors.TooManyPages
)
DOCUMENT_TOO_LARGE = Verdict(
    "document_too_large", "The document is larger than the provider takes.", Next.FAIL, public=errors.FileTooLarge
)
DOCUMENT_REFUSED = Verdict(
    "document_refused", "The provider refuses the document.", Next.FAIL, public=errors.ProviderRejected
)

# Our own faults
REQUEST_REFUSED = Verdict(
    "request_refused", "The provider refuses the request as malformed.", Next.FAIL, public=errors.InternalError
)
SCHEMA_REFUSED = Verdict(
    "schema_refused", "The provider refuses the answer's schema.", Next.FAIL, public=errors.InternalError
)
DEADLINE_REFUSED = Verdict(
    "deadline_refused",
    "The provider refuses the deadline that was sent as too short.",
    Next.FAIL,
    public=errors.InternalError,
)
KEY_NOT_SENT = Verdict(
    "key_not_sent", "The request reached the provider without a key.", Next.FAIL, public=errors.InternalError
)

#: HTTP statuses that mean the same whatever the body says
_BY_STATUS: Mapping[int, Verdict] = {
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


def by_status(status: int) -> Verdict:
    """What an HTTP status means when nothing more is known."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= _FIRST_SERVER_ERROR:
        return SERVER_ERROR
    return REQUEST_REFUSED if status >= _FIRST_CLIENT_ERROR else UNEXPECTED_STATUS


def of_a_stranger(verdict: Verdict) -> Verdict:
    """What an answer means that is not the vendor's own, such as a firewall's page: it says nothing about the key."""
    return verdict if verdict.key_effect is KeyEffect.NONE else UNEXPECTED_STATUS


#: printable ASCII: anything else cannot stand in a header, and the transport's complaint would quote it
_SHAPE = re.compile(r"[\x21-\x7e]+")


def checked_key(api_key: str) -> str:
    """The key without blanks around it, made known to the redaction.

    :raises ModelCallFailed: when it is empty or cannot be a key; another key is to be tried.
    """
    key = (api_key or "").strip()
    if not _SHAPE.fullmatch(key):
        raise failures.KEY_UNUSABLE.failure()
    remember_secret(key)
    return key
