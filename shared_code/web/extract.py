"""HTTP uploads on their way to the pipeline: what was sent, whether there is room for it, and the answer.

Knows nothing of a web framework; ``ExtractFunction`` hands over an :class:`Upload` and gets an :class:`ApiResponse`.
"""

import hashlib
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypedDict

from shared_code import api_response
from shared_code.api_response import ApiResponse
from shared_code.blobs.clients import storage_configured
from shared_code.documents import refusals
from shared_code.errors import InternalError, InvalidFile, InvalidRequest, ServiceError, UnsupportedFileType
from shared_code.extraction import submission
from shared_code.extraction.failed_readings import refusal_line
from shared_code.extraction.idempotency import read_key
from shared_code.extraction.submission import Submission
from shared_code.observability import request_context
from shared_code.observability.telemetry import telemetry
from shared_code.records import CallIdentity, FileBytes, Source
from shared_code.web import form
from shared_code.web.address import query_of
from shared_code.web.browsers import for_browsers
from shared_code.web.platform_login import require_company
from shared_code.web.prefer import RESPOND_ASYNC, prefers_async, wants_async

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services
    from shared_code.extraction.service import Outcome
    from shared_code.extraction.stored_readings import Accepted
    from shared_code.settings import Settings

_log = logging.getLogger(__name__)

_DOCUMENT_TYPES = ("application/pdf", "image/", "application/xml", "text/xml", "application/octet-stream")
_JSON_TYPES = ("application/json", "text/json")
#: why a JSON body is no document: then it is a request of another API, and is told how this one is called
_NO_DOCUMENT = frozenset({"empty", "not_well_formed", "not_an_e_invoice", "unsupported"})
#: content types that multipart parts carry when the client knows none
_NO_HINT = {"", "application/octet-stream"}
_ACCEPTED = 202
#: where a reading is asked for by its id
READING_PATH = "/api/extractions/{id}"
#: seconds after which a client should ask for a reading that is still to come
RETRY_AFTER = 2
#: characters of a name that was not checked yet, in the log
_SHOWN = 100


class _Headers(TypedDict):
    principal: str | None
    idempotency_key: str | None
    prefer: str | None


@dataclass(frozen=True, slots=True)
class Upload:
    """One request: a document, what was said about it, and the fields that came with it."""

    data: FileBytes = field(repr=False)
    content_type: str
    fields: Mapping[str, str | None]
    file_name: str | None
    multipart: bool = False
    #: the platform's header that says who is logged in, where its authentication is on
    principal: str | None = field(default=None, repr=False)
    #: the header by which a client marks an upload that it may send again
    idempotency_key: str | None = None
    #: the header by which a client says how it likes to be answered
    prefer: str | None = None

    @property
    def kind(self) -> str:
        """The content type without its parameters, in lower case."""
        return self.content_type.split(";", 1)[0].strip().lower()

    @property
    def is_json(self) -> bool:
        """Whether the body itself is sent as JSON."""
        return not self.multipart and (self.kind in _JSON_TYPES or self.kind.endswith("+json"))


def upload_of(
    body: bytes,
    *,
    content_type: str,
    url: str,
    principal: str | None,
    idempotency_key: str | None = None,
    prefer: str | None = None,
) -> Upload:
    """The upload in a request: a multipart form, or a document as the body with the fields in the query.

    :param url: the whole address, with the query as it was sent.
    :raises errors.InvalidRequest: no body, a form that cannot be read, a field in it that says something else than the
        query; says which.
    """
    if not body:
        raise InvalidRequest(
            "The request has no body. Chunked uploads are not supported by the platform: send a Content-Length.",
            details={"field": "file", "received_bytes": 0},
        )
    query = form.one_each(query_of(url))
    key = read_key(idempotency_key)
    said: _Headers = {"principal": principal, "idempotency_key": key, "prefer": prefer}
    if not form.is_form(content_type):
        return Upload(body, content_type, query, file_name=None, **said)
    sent = form.read_form(body, content_type)
    fields = form.one_each([*query.items(), *sent.fields.items()])
    return Upload(sent.file.data, sent.file.content_type, fields, sent.file.name, multipart=True, **said)


def extract_response(
    services: "Callable[[], Services]",
    upload: Callable[[], Upload],
    *,
    request_id: str | None,
    trace_parent: str | None = None,
    assign: Callable[[str], None] = lambda _company: None,
) -> ApiResponse:
    """Run one upload through the pipeline and answer in the envelope, whatever happens.

    :param assign: told the company as soon as it is known; may raise :class:`.errors.Busy`.
    """
    label, call_id = api_response.request_id_of(request_id), str(uuid.uuid4())
    with (
        request_context.request_scope(request_id=label, call_id=call_id, trace_parent=trace_parent),
        telemetry().request("extract", url="/api/extract") as span,
    ):
        sent: Upload | None = None
        wanted: Submission | None = None
        try:
            ready = services().ready()
            sent = upload()
            wanted = read_upload(sent, ready.settings, request_id=label, call_id=call_id)
            assign(wanted.identity.caller.company_id)
            # A preference may be left aside (RFC 7240, section 2); a field may not.
            preferred = sent.prefer if storage_configured(ready.settings) else None
            if wants_async(preferred, sent.fields):
                response = _accepted(_submit(ready, sent, wanted), sent, label)
            else:
                outcome = _extract(ready, sent, wanted)
                response = api_response.success(outcome.message, outcome.data, request_id=label)
                ready.blobs.keeper.offer(wanted, outcome.data)
        except Exception as error:  # noqa: BLE001 - the border of the service: the caller gets the envelope, the log the trace
            # What was let in is told by the pipeline, beside its row.
            response = _failure(error, label, sent if wanted is None else None)
            span.set(error=error.code if isinstance(error, ServiceError) else InternalError.code)
        if wanted is not None:
            span.set(company=wanted.identity.caller.company_id)
            services().webhooks.wake()
        span.finish(response.status_code)
        return for_browsers(response)


def _extract(services: "Services", upload: Upload, wanted: Submission) -> "Outcome":
    """Read the document."""
    with _called_rightly(upload):
        if upload.idempotency_key is not None:
            return services.idempotency.answer(upload.idempotency_key, wanted, services.extraction.extract)
        return services.extraction.extract(wanted)


def _submit(services: "Services", upload: Upload, wanted: Submission) -> "Accepted":
    """Keep the document to be read later."""
    with _called_rightly(upload):
        if upload.idempotency_key is not None:
            return services.idempotency.accept(upload.idempotency_key, wanted, services.jobs.desk.submit)
        return services.jobs.desk.submit(wanted)


def _accepted(accepted: "Accepted", upload: Upload, label: str) -> ApiResponse:
    """The answer that says where the reading will be."""
    response = api_response.success(accepted.message, accepted.data, request_id=label, status_code=_ACCEPTED)
    where = READING_PATH.format(id=accepted.data["id"])
    headers = {"Location": where, "Operation-Location": where, "Retry-After": str(RETRY_AFTER)}
    if prefers_async(upload.prefer):
        headers["Preference-Applied"] = RESPOND_ASYNC
    return replace(response, headers={**response.headers, **headers})


@contextmanager
def _called_rightly(upload: Upload) -> Iterator[None]:
    """A JSON body that is no document gets the answer of a request that is called wrongly."""
    try:
        yield
    except (InvalidFile, UnsupportedFileType) as refused:
        if upload.is_json and refused.details.get("reason") in _NO_DOCUMENT:
            raise _how_to_send(f"{upload.kind} that is no invoice") from refused
        raise


def refused_response(error: Exception, *, request_id: str | None, trace_parent: str | None = None) -> ApiResponse:
    """The answer to an upload that was not let in; takes no time and touches neither database nor disk."""
    label = api_response.request_id_of(request_id)
    with (
        request_context.request_scope(request_id=label, trace_parent=trace_parent),
        telemetry().request("extract", url="/api/extract") as span,
    ):
        response = _failure(error, label)
        span.finish(response.status_code)
        return for_browsers(response)


def _failure(error: Exception, label: str, sent: Upload | None = None) -> ApiResponse:
    known = error if isinstance(error, ServiceError) else InternalError()
    if isinstance(known, InternalError):
        _log.error("request %s failed: %s", label, known.message, exc_info=error)
    elif sent is not None:
        refused = refusal_line(
            known,
            company=(sent.fields.get("companyID") or "")[:_SHOWN].upper() or None,
            user=(sent.fields.get("username") or "")[:_SHOWN] or None,
            file_name=sent.file_name,
            sha256=hashlib.sha256(sent.data).hexdigest(),
            request_id=label,
        )
        _log.info("%s", refused)
    else:
        _log.info("request %s refused: %s %s", label, known.code, known.message)
    return api_response.failure(known, request_id=label)


def read_upload(upload: Upload, settings: "Settings", *, request_id: str, call_id: str) -> Submission:
    """Check everything about a request but the document itself.

    :raises errors.InvalidRequest: names the field and what was received.
    :raises errors.FileTooLarge: says the limit and the actual size.
    :raises errors.Forbidden: the user that the platform has logged in belongs to another company.
    """
    if len(upload.data) > settings.max_upload_bytes:
        raise refusals.too_large(len(upload.data), settings.max_upload_bytes)
    if upload.is_json and "companyID" not in upload.fields:
        raise _how_to_send(f"{upload.kind} without companyID in the address")
    caller = submission.read_caller(upload.fields)
    if settings.website_auth_enabled:
        require_company(upload.principal, caller.company_id, company_claim=settings.company_claim)
    wanted_model = submission.read_model(upload.fields, settings)
    force = submission.read_flag(upload.fields, "force")
    lines = submission.read_lines_required(upload.fields)
    return Submission(
        data=_document(upload),
        identity=CallIdentity(call_id, caller, Source.HTTP, request_id),
        deadline_seconds=settings.request_deadline_seconds,
        file_name=upload.file_name,
        content_type=None if upload.content_type in _NO_HINT else upload.content_type,
        force=force,
        model=wanted_model,
        lines_required=lines,
        evidence=submission.read_evidence(upload.fields),
    )


def _document(upload: Upload) -> FileBytes:
    if not upload.multipart and not upload.is_json and not upload.kind.startswith(_DOCUMENT_TYPES):
        raise _how_to_send(upload.kind or "no content type", kind=upload.kind)
    return upload.data


def _how_to_send(received: str, *, kind: str = "application/json") -> InvalidRequest:
    return InvalidRequest(
        "Send multipart/form-data with a part named file, or the document itself with its own content type and "
        f"companyID in the address; received {received}.",
        details={"field": "content-type", "actual": kind},
    )
