"""GET and DELETE /api/extractions/{id}: what became of an upload, and a job called off, for whoever holds its id."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, replace
from typing import TYPE_CHECKING

from shared_code import api_response
from shared_code.api_response import ApiResponse
from shared_code.errors import Conflict, Forbidden, InternalError, InvalidRequest, NotFound, ServiceError
from shared_code.exports.formats import Format
from shared_code.extraction.submission import read_evidence
from shared_code.labels import read_company_id
from shared_code.observability import request_context
from shared_code.observability.telemetry import telemetry
from shared_code.web.address import query_of
from shared_code.web.browsers import for_browsers
from shared_code.web.form import one_each
from shared_code.web.platform_login import require_company
from shared_code.web.reading_files import reading_file, wanted_reading_file

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services
    from shared_code.extraction.stored_readings import StoredReading

_log = logging.getLogger(__name__)

_NOT_MODIFIED = 304
_TO_COME = frozenset({"queued", "running"})
#: seconds after which a client should ask again for a reading that is still to come
_RETRY_AFTER = 2
_ID = {"field": "id"}
#: of the digest of the data, in hex: enough to tell two states of one reading apart
_ETAG_LENGTH = 32


@dataclass(frozen=True, slots=True)
class ReadingRequest:
    """One request. ``url`` is the whole address, ``principal`` the platform's header that says who is logged in."""

    reading_id: str
    url: str
    if_none_match: str | None = None
    accept: str | None = None
    principal: str | None = field(default=None, repr=False)


def reading_response(
    services: "Callable[[], Services]",
    wanted: ReadingRequest,
    *,
    request_id: str | None,
    trace_parent: str | None = None,
) -> ApiResponse:
    """Answer in the envelope, whatever happens: 200 with the reading, 304, 404 or 410."""

    def answer(services: "Services", label: str) -> ApiResponse:
        return _answer(_found(services, wanted), wanted, label)

    return _respond(services, answer, request_id=request_id, trace_parent=trace_parent)


def cancel_response(
    services: "Callable[[], Services]",
    wanted: ReadingRequest,
    *,
    request_id: str | None,
    trace_parent: str | None = None,
) -> ApiResponse:
    """Cancel a job that has not begun: 200 with the job as it is now, 409 when it has begun or ended, 404 or 410."""

    def cancel(services: "Services", label: str) -> ApiResponse:
        _found(services, wanted)
        job = services.stored_readings.find_job(wanted.reading_id)
        if job is None:
            raise Conflict("This reading is no job; only a job that has not begun can be cancelled.", details=_ID)
        services.jobs.desk.cancel(job)
        now = _found(services, wanted)
        return api_response.success(now.message, now.data, request_id=label)

    return _respond(services, cancel, request_id=request_id, trace_parent=trace_parent)


def _respond(
    services: "Callable[[], Services]",
    answer: "Callable[[Services, str], ApiResponse]",
    *,
    request_id: str | None,
    trace_parent: str | None,
) -> ApiResponse:
    label = api_response.request_id_of(request_id)
    with (
        request_context.request_scope(request_id=label, trace_parent=trace_parent),
        telemetry().request("extraction", url="/api/extractions/{id}") as span,
    ):
        try:
            response = answer(services().ready(), label)
        except Exception as error:  # noqa: BLE001 - the border of the service: the caller gets the envelope, the log the trace
            known = error if isinstance(error, ServiceError) else InternalError()
            if isinstance(known, InternalError):
                _log.error("request %s failed: %s", label, known.message, exc_info=error)
            response = api_response.failure(known, request_id=label)
        span.finish(response.status_code)
        return for_browsers(response)


def _found(services: "Services", wanted: ReadingRequest) -> "StoredReading":
    """The reading, if the caller may have it.

    :raises errors.InvalidRequest: companyID or evidence is none, or is given twice.
    :raises errors.ServiceError: as :meth:`.StoredReadings.find`.
    """
    settings = services.settings
    fields = one_each(query_of(wanted.url))
    asked, evidence = fields.get("companyID"), read_evidence(fields)
    company_id = None if asked is None else read_company_id(asked.strip())
    if asked is not None and company_id is None:
        raise InvalidRequest("companyID is not the id of a company.", details={"field": "companyID"})

    def require(company: str) -> None:
        if not settings.website_auth_enabled:
            return
        try:
            require_company(wanted.principal, company, company_claim=settings.company_claim)
        except Forbidden as error:
            # That the id exists, or was erased, is nothing for users of another company.
            raise NotFound("There is no reading under this id.", details={"field": "id"}) from error

    return services.stored_readings.find(wanted.reading_id, company_id=company_id, require=require, evidence=evidence)


def _answer(found: "StoredReading", wanted: ReadingRequest, label: str) -> ApiResponse:
    file = wanted_reading_file(query_of(wanted.url), wanted.accept)
    data = found.data
    # The form is a part of it: the same data as another file is another answer.
    digest = hashlib.sha256(json.dumps([data, astuple(file)], sort_keys=True, default=str).encode()).hexdigest()
    # Weak: the envelope around the same data has another request id each time.
    headers = {"ETag": f'W/"{digest[:_ETAG_LENGTH]}"', "Vary": "Accept"}
    if _matches(wanted.if_none_match, headers["ETag"]):
        return ApiResponse(_NOT_MODIFIED, b"", {**headers, "x-request-id": label, "Cache-Control": "no-store"})
    if data["state"] in _TO_COME:
        headers["Retry-After"] = str(_RETRY_AFTER)
    if file.form is not Format.JSON:
        return reading_file(found, file, {**headers, "x-request-id": label, "Cache-Control": "no-store"})
    response = api_response.success(found.message, data, request_id=label)
    return replace(response, headers={**response.headers, **headers})


def _matches(header: str | None, etag: str) -> bool:
    """Whether If-None-Match names this state, compared weakly (RFC 9110, section 13.1.2)."""
    named = [part.strip().removeprefix("W/") for part in (header or "").split(",")]
    return "*" in named or etag.removeprefix("W/") in named
