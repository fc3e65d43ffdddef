"""Every failure that can leave this service, as one hierarchy with the facts a caller needs.

::

    ServiceError
    |-- RequestError                  the caller can mend it
    |   |-- InvalidRequest            400 INVALID_REQUEST
    |   |-- FileTooLarge, TooManyPages   413 FILE_TOO_LARGE, TOO_MANY_PAGES
    |   |-- UnsupportedFileType       415 UNSUPPORTED_FILE_TYPE
    |   |-- InvalidFile               422 INVALID_FILE
    |   |-- AlreadyProcessing         409 ALREADY_PROCESSING
    |   |-- NotFound, MethodNotAllowed   404 NOT_FOUND, 405 METHOD_NOT_ALLOWED
    |   |-- Conflict, AlreadyExists   409 CONFLICT, ALREADY_EXISTS
    |   `-- ChangedMeanwhile          412 CHANGED_MEANWHILE
    |-- NotAuthenticated, Forbidden   401 NOT_AUTHENTICATED, 403 FORBIDDEN
    |-- TooManyFailedLogins           429 TOO_MANY_FAILED_LOGINS
    |-- AccessError                   no key of the company can serve
    |   `-- TokenNotFound, TokenExpired, TokenUnavailable   403 TOKEN_NOT_FOUND, TOKEN_EXPIRED, TOKEN_UNAVAILABLE
    |-- QuotaExceeded                 429 QUOTA_EXCEEDED
    |-- ProviderError                 the model's side; see ``providers.base`` for what each means for the key
    |   |-- ProviderRateLimited       429 PROVIDER_RATE_LIMITED
    |   |-- ProviderUnavailable, ProviderTimeout   503 PROVIDER_UNAVAILABLE, 504 PROVIDER_TIMEOUT
    |   |-- ProviderRejected          422 PROVIDER_REJECTED
    |   `-- ProviderBadAnswer         502 PROVIDER_BAD_ANSWER
    |-- Busy                          503 BUSY
    |-- DatabaseUnavailable           503 DATABASE_UNAVAILABLE
    |-- StorageUnavailable            503 STORAGE_UNAVAILABLE; BlobUnavailable 503 BLOB_UNAVAILABLE
    `-- InternalError                 500 INTERNAL_ERROR; ConfigurationError names the setting in the log only

Only ``api_response`` makes an HTTP answer of one. ``str(error)`` is for people: no library text, key or trace.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class ServiceError(Exception):
    """Base of all our errors.

    ``code`` is the name, ``http_status`` the answer's, ``retryable`` whether the same request can succeed later.
    ``details`` are facts for the caller, JSON-serialisable and never secret; ``retry_after`` is in seconds, or None.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    default_message: ClassVar[str] = "The request failed because of an internal error."

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


class InvalidRequest(RequestError):
    """A field is missing or malformed, or the body is empty or chunked."""

    code = "INVALID_REQUEST"
    http_status = 400
    default_message = "The request is not valid."


class FileTooLarge(RequestError):
    """The file is larger than MAX_UPLOAD_MB."""

    code = "FILE_TOO_LARGE"
    http_status = 413
    default_message = "The file is too large."


class TooManyPages(RequestError):
    """The document has more pages than MAX_PAGES."""

    code = "TOO_MANY_PAGES"
    http_status = 413
    default_message = "The document has too many pages."


class UnsupportedFileType(RequestError):
    """The content is not of a type that the service reads, whatever its name says."""

    code = "UNSUPPORTED_FILE_TYPE"
    http_status = 415
    default_message = "Failed to process invoice"


class InvalidFile(RequestError):
    """The file is corrupt, encrypted, empty or a bomb."""

    code = "INVALID_FILE"
    http_status = 422
    default_message = "Failed to process invoice"


class AlreadyProcessing(RequestError):
    """The same document is being read by another request that has not finished in time."""

    code = "ALREADY_PROCESSING"
    http_status = 409
    retryable = True
    default_message = "The same document is being processed by another request. Please try again shortly."


class NotFound(RequestError):
    """There is no such thing under this id or path."""

    code = "NOT_FOUND"
    http_status = 404
    default_message = "There is nothing under this address."


class MethodNotAllowed(RequestError):
    """The address exists, but not for this method."""

    code = "METHOD_NOT_ALLOWED"
    http_status = 405


class Conflict(InvalidRequest):
    """Well-formed, but what it is about is not in a state for it."""

    code = "CONFLICT"
    http_status = 409
    default_message = "The present state does not allow this."


class AlreadyExists(Conflict):
    """What was to be added is there already."""

    code = "ALREADY_EXISTS"


class ChangedMeanwhile(RequestError):
    """If-Match names a version that is not the current one: somebody else has changed it."""

    code = "CHANGED_MEANWHILE"
    http_status = 412
    default_message = "This was changed by somebody else meanwhile. Read it again, then change it."


class NotAuthenticated(ServiceError):
    """No key, or one that is unknown, wrong or revoked: which of these is not told."""

    code = "NOT_AUTHENTICATED"
    http_status = 401
    default_message = "A valid admin key is needed: Authorization: Bearer <id>.<secret>"


class Forbidden(ServiceError):
    """Known, but without the role, or asking about another company."""

    code = "FORBIDDEN"
    http_status = 403
    default_message = "Your role does not allow this."


class TooManyFailedLogins(ServiceError):
    """This source has sent wrong secrets too often."""

    code = "TOO_MANY_FAILED_LOGINS"
    http_status = 429
    retryable = True
    default_message = "Too many failed logins. Please wait."


class AccessError(ServiceError):
    """No API key of the company can serve the request. Messages are the seed document's, word for word."""

    http_status = 403


class TokenNotFound(AccessError):
    """The company has no key at all."""

    code = "TOKEN_NOT_FOUND"
    default_message = "No active token found for your company. Please contact support."


class TokenExpired(AccessError):
    """No usable key, and the newest one is Expired."""

    code = "TOKEN_EXPIRED"
    default_message = "Your AI token has expired. Please renew your subscription."


class TokenUnavailable(AccessError):
    """No usable key, and the newest one is Exceeded, Disabled, Blocked or FullyUtilized."""

    code = "TOKEN_UNAVAILABLE"
    default_message = "Your AI token is no longer available or has been disabled. Please contact support."


class QuotaExceeded(ServiceError):
    """A reservation would pass a limit of the key, company, branch or user."""

    code = "QUOTA_EXCEEDED"
    http_status = 429
    retryable = True
    default_message = "A token limit does not leave room for this document."


class ProviderError(ServiceError):
    """The model provider did not give a usable answer."""


class ProviderRateLimited(ProviderError):
    """All keys are cooling down, or the provider's limits held past the deadline."""

    code = "PROVIDER_RATE_LIMITED"
    http_status = 429
    retryable = True
    default_message = "The model provider limits the request rate at the moment. Please try again later."


class ProviderUnavailable(ProviderError):
    """The provider fails or cannot be reached, after all retries."""

    code = "PROVIDER_UNAVAILABLE"
    http_status = 503
    retryable = True
    default_message = "The model provider is not available at the moment. Please try again later."


class ProviderTimeout(ProviderError):
    """The provider did not answer within the deadline."""

    code = "PROVIDER_TIMEOUT"
    http_status = 504
    retryable = True
    default_message = "The model provider did not answer in time. Please try again."


class ProviderRejected(ProviderError):
    """The model refuses the document (safety, recitation, blocked prompt)."""

    code = "PROVIDER_REJECTED"
    http_status = 422
    default_message = "The model refused to process this document."


class ProviderBadAnswer(ProviderError):
    """The model's answer could not be used, also after one more try."""

    code = "PROVIDER_BAD_ANSWER"
    http_status = 502
    retryable = True
    default_message = "The model's answer could not be read. Please try again."


class Busy(ServiceError):
    """This instance holds as many uploads in memory as it takes."""

    code = "BUSY"
    http_status = 503
    retryable = True
    default_message = "The service is busy. Please try again shortly."


class DatabaseUnavailable(ServiceError):
    """The database cannot be reached or refuses work for a passing reason."""

    code = "DATABASE_UNAVAILABLE"
    http_status = 503
    retryable = True
    default_message = "The database is not available at the moment. Please try again shortly."


class StorageUnavailable(ServiceError):
    """Blob or queue storage cannot be reached."""

    code = "STORAGE_UNAVAILABLE"
    http_status = 503
    retryable = True
    default_message = "Storage is not available at the moment. Please try again shortly."


class BlobUnavailable(StorageUnavailable):
    """Storage answers, but not for this one blob: archived, leased, locked, or written faster than it is read."""

    code = "BLOB_UNAVAILABLE"
    default_message = "Storage does not give this file out as it is. It is tried again."


class InternalError(ServiceError):
    """A bug or a fault of the deployment; the caller sees the request id only."""


class ConfigurationError(InternalError):
    """A setting is missing or wrong. The message names the setting and is for operators."""
