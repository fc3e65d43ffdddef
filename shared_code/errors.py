"""Every failure that can leave this service, as one hierarchy with the facts a caller needs.

::

    ServiceError
    |-- RequestError                  the caller can mend it
    |   |-- InvalidRequest            400 INVALID_REQUEST
    |   |-- FileTooLarge, TooManyPages   413 FILE_TOO_LARGE, TOO_MANY_PAGES
    |   |-- UnsupportedFileType       415 UNSUPPORTED_FILE_TYPE
    |   |-- InvalidFile               422 INVALID_FILE
    |   |-- AlreadyProcessing         409 ALREADY_PROCESSING
    |   |-- NotFound, Gone            404 NOT_FOUND, 410 GONE
    |   |-- MethodNotAllowed          405 METHOD_NOT_ALLOWED
    |   |-- Conflict, AlreadyExists   409 CONFLICT, ALREADY_EXISTS
    |   |-- IdempotencyConflict, JobCancelled   409 IDEMPOTENCY_CONFLICT, JOB_CANCELLED
    |   |-- ChangedMeanwhile          412 CHANGED_MEANWHILE
    |   `-- ExportIncomplete          422 EXPORT_INCOMPLETE
    |-- NotAuthenticated, Forbidden   401 NOT_AUTHENTICATED, 403 FORBIDDEN
    |-- TooManyFailedLogins           429 TOO_MANY_FAILED_LOGINS
    |-- AccessError                   no key of the company can serve
    |   `-- TokenNotFound, TokenExpired, TokenUnavailable   403 TOKEN_NOT_FOUND, TOKEN_EXPIRED, TOKEN_UNAVAILABLE
    |-- QuotaExceeded                 429 QUOTA_EXCEEDED; LimitUsedUp is one that does not pass by itself
    |-- ProviderError                 the model's side; see ``providers.base`` for what each means for the key
    |   |-- ProviderRateLimited       429 PROVIDER_RATE_LIMITED
    |   |-- ProviderUnavailable, ProviderTimeout   503 PROVIDER_UNAVAILABLE, 504 PROVIDER_TIMEOUT
    |   |-- ProviderRejected          422 PROVIDER_REJECTED
    |   `-- ProviderBadAnswer         502 PROVIDER_BAD_ANSWER
    |-- Busy                          503 BUSY
    |-- DatabaseUnavailable           503 DATABASE_UNAVAILABLE
    |-- StorageUnavailable            503 STORAGE_UNAVAILABLE; BlobUnavailable 503 BLOB_UNAVAILABLE
    `-- InternalError                 500 INTERNAL_ERROR; ConfigurationError names the setting in the log only,
                                      RunEnded is a run's that was killed: sent again, the document is read

Only ``api_response`` makes an HTTP answer of one. ``str(error)`` is for people: no library text, key or trace.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class ServiceError(Exception):
    """Base of all our errors.

    ``code`` is the name, ``http_status`` the answer's, ``retryable`` whether the same request can succeed later.
    ``details`` are facts for the caller, JSON-serialisable and never secret; ``retry_after`` is in seconds, or None.
    A subclass names what is its own in its ``class`` line, and has the rest from its base.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    default_message: ClassVar[str] = "The request failed because of an internal error."

    def __init_subclass__(
        cls, *, code: str | None = None, http_status: int | None = None, retryable: bool | None = None
    ) -> None:
        super().__init_subclass__()
        own = {"code": code, "http_status": http_status, "retryable": retryable}
        for name, value in own.items():
            if value is not None:
                setattr(cls, name, value)

    def __init__(
        self, message: str | None = None, *, details: Mapping[str, Any] | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message or self.default_message)
        self.details: dict[str, Any] = dict(details or {})
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        """The text for people."""
        return str(self.args[0])


class RequestError(ServiceError):
    """The caller sent something that cannot be served as it is."""


class InvalidRequest(RequestError, code="INVALID_REQUEST", http_status=400):
    """A field is missing or malformed, or the body is empty or chunked."""

    default_message = "The request is not valid."


class FileTooLarge(RequestError, code="FILE_TOO_LARGE", http_status=413):
    """The file is larger than MAX_UPLOAD_MB."""

    default_message = "The file is too large."


class TooManyPages(RequestError, code="TOO_MANY_PAGES", http_status=413):
    """The document has more pages than MAX_PAGES."""

    default_message = "The document has too many pages."


class UnsupportedFileType(RequestError, code="UNSUPPORTED_FILE_TYPE", http_status=415):
    """The content is not of a type that the service reads, whatever its name says."""

    default_message = "Failed to process invoice"


class InvalidFile(RequestError, code="INVALID_FILE", http_status=422):
    """The file is corrupt, encrypted, empty or a bomb."""

    default_message = "Failed to process invoice"


class AlreadyProcessing(RequestError, code="ALREADY_PROCESSING", http_status=409, retryable=True):
    """The same document is being read by another request that has not finished in time."""

    default_message = "The same document is being processed by another request. Please try again shortly."


class NotFound(RequestError, code="NOT_FOUND", http_status=404):
    """There is no such thing under this id or path."""

    default_message = "There is nothing under this address."


class Gone(RequestError, code="GONE", http_status=410):
    """What was under this id has been erased."""

    default_message = "What was under this address has been erased."


class MethodNotAllowed(RequestError, code="METHOD_NOT_ALLOWED", http_status=405):
    """The address exists, but not for this method."""

    default_message = "This address does not take this method."


class Conflict(InvalidRequest, code="CONFLICT", http_status=409):
    """Well-formed, but what it is about is not in a state for it."""

    default_message = "The present state does not allow this."


class AlreadyExists(Conflict, code="ALREADY_EXISTS"):
    """What was to be added is there already."""


class IdempotencyConflict(RequestError, code="IDEMPOTENCY_CONFLICT", http_status=409):
    """The Idempotency-Key of this upload stands for another document, or for other fields."""

    default_message = "This Idempotency-Key was used for another document or with other fields. Send a new one."


class JobCancelled(RequestError, code="JOB_CANCELLED", http_status=409):
    """The job was cancelled before it began: there is no result, and nothing was spent."""

    default_message = "This job was cancelled before it began."


class ExportIncomplete(RequestError, code="EXPORT_INCOMPLETE", http_status=422):
    """What was to be exported lacks something that the format needs; ``details`` name it."""

    default_message = "This cannot be exported whole: something that the format needs is missing."


class ChangedMeanwhile(RequestError, code="CHANGED_MEANWHILE", http_status=412):
    """If-Match names a version that is not the current one: somebody else has changed it."""

    default_message = "This was changed by somebody else meanwhile. Read it again, then change it."


class NotAuthenticated(ServiceError, code="NOT_AUTHENTICATED", http_status=401):
    """No key, or one that is unknown, wrong or revoked: which of these is not told."""

    default_message = "A valid admin key is needed: Authorization: Bearer <id>.<secret>"


class Forbidden(ServiceError, code="FORBIDDEN", http_status=403):
    """Known, but without the role, or asking about another company."""

    default_message = "Your role does not allow this."


class TooManyFailedLogins(ServiceError, code="TOO_MANY_FAILED_LOGINS", http_status=429, retryable=True):
    """This source has sent wrong secrets too often."""

    default_message = "Too many failed logins. Please wait."


class AccessError(ServiceError, http_status=403):
    """No API key of the company can serve the request. Messages are the seed document's, word for word."""


class TokenNotFound(AccessError, code="TOKEN_NOT_FOUND"):
    """The company has no key at all."""

    default_message = "No active token found for your company. Please contact support."


class TokenExpired(AccessError, code="TOKEN_EXPIRED"):
    """No usable key, and the newest one is Expired."""

    default_message = "Your AI token has expired. Please renew your subscription."


class TokenUnavailable(AccessError, code="TOKEN_UNAVAILABLE"):
    """No usable key, no limit in the way, and the newest key is Exceeded, Disabled or Blocked."""

    default_message = "Your AI token is no longer available or has been disabled. Please contact support."


class QuotaExceeded(ServiceError, code="QUOTA_EXCEEDED", http_status=429, retryable=True):
    """A reservation would pass a limit of the key, company, branch or user."""

    default_message = "A token limit does not leave room for this document."


class LimitUsedUp(QuotaExceeded, retryable=False):
    """The limit that is in the way holds for life: only a higher one, or another key, helps."""

    default_message = "A token limit is used up. It does not reset by itself: please ask for a higher limit."


class ProviderError(ServiceError):
    """The model provider did not give a usable answer."""


class ProviderRateLimited(ProviderError, code="PROVIDER_RATE_LIMITED", http_status=429, retryable=True):
    """All keys are cooling down, or the provider's limits held past the deadline."""

    default_message = "The model provider limits the request rate at the moment. Please try again later."


class ProviderUnavailable(ProviderError, code="PROVIDER_UNAVAILABLE", http_status=503, retryable=True):
    """The provider fails or cannot be reached, after all retries."""

    default_message = "The model provider is not available at the moment. Please try again later."


class ProviderTimeout(ProviderError, code="PROVIDER_TIMEOUT", http_status=504, retryable=True):
    """The provider did not answer within the deadline."""

    default_message = "The model provider did not answer in time. Please try again."


class ProviderRejected(ProviderError, code="PROVIDER_REJECTED", http_status=422):
    """The model refuses the document (safety, recitation, blocked prompt)."""

    default_message = "The model refused to process this document."


class ProviderBadAnswer(ProviderError, code="PROVIDER_BAD_ANSWER", http_status=502, retryable=True):
    """The model's answer could not be used, also after one more try."""

    default_message = "The model's answer could not be read. Please try again."


class Busy(ServiceError, code="BUSY", http_status=503, retryable=True):
    """This instance holds as many uploads in memory as it takes, or none of its turns came free in time."""

    default_message = "The service is busy. Please try again shortly."


class DatabaseUnavailable(ServiceError, code="DATABASE_UNAVAILABLE", http_status=503, retryable=True):
    """The database cannot be reached or refuses work for a passing reason."""

    default_message = "The database is not available at the moment. Please try again shortly."


class StorageUnavailable(ServiceError, code="STORAGE_UNAVAILABLE", http_status=503, retryable=True):
    """Blob or queue storage cannot be reached."""

    default_message = "Storage is not available at the moment. Please try again shortly."


class BlobUnavailable(StorageUnavailable, code="BLOB_UNAVAILABLE"):
    """Storage answers, but not for this one blob: archived, leased, locked, or written faster than it is read."""

    default_message = "Storage does not give this file out as it is. It is tried again."


class InternalError(ServiceError):
    """A bug or a fault of the deployment; the caller sees the request id only."""


class RunEnded(InternalError, retryable=True):
    """A run was killed, or its result got lost. Its reading tells it: nobody waits for the run any more."""

    default_message = "The run ended without a result. Please send the document again."


class ConfigurationError(InternalError):
    """A setting is missing or wrong. The message names the setting and is for operators."""
