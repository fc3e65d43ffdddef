"""HTTP uploads on their way to the pipeline: what was sent, whether there is room for it, and the answer.

Knows nothing of a web framework; ``ExtractFunction`` hands over an :class:`Upload` and gets an :class:`ApiResponse`.
"""

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared_code import api_response
from shared_code.api_response import ApiResponse
from shared_code.documents import refusals
from shared_code.errors import InternalError, InvalidRequest, ServiceError
from shared_code.extraction import submission
from shared_code.extraction.submission import Submission
from shared_code.observability import request_context
from shared_code.observability.telemetry import telemetry
from shared_code.records import CallIdentity, Source
from shared_code.web.platform_login import require_company

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services
    from shared_code.settings import Settings

_log = logging.getLogger(__name__)

_DOCUMENT_TYPES = ("application/pdf", "image/", "application/xml", "text/xml", "application/octet-stream")
#: content types that multipart parts carry when the client knows none
_NO_HINT = {"", "application/octet-stream"}


@dataclass(frozen=True, slots=True)
class Upload:
    """One request as it arrived. ``data`` is None when a form has no part named ``file``."""

    data: bytes | None = field(repr=False)
    content_type: str
    fields: Mapping[str, str | None]
    file_name: str | None
    body_bytes: int = 0
    multipart: bool = False
    #: the platform's header that says who is logged in, where its authentication is on
    principal: str | None = field(default=None, repr=False)


def extract_response(
    services: "Callable[[], Services]",
    upload: Callable[[], Upload],
    *,
    request_id: str | None,
    trace_parent: str | None = None,
) -> ApiResponse:
    """Run one upload through the pipeline and answer in the envelope, whatever happens."""
    label, call_id = api_response.request_id_of(request_id), str(uuid.uuid4())
    with (
        request_context.request_scope(request_id=label, call_id=call_id, trace_parent=trace_parent),
        telemetry().request("extract", url="/api/extract") as span,
    ):
        try:
            ready = services().ready()
            with ready.upload_slots:
                wanted = read_upload(upload(), ready.settings, request_id=label, call_id=call_id)
                outcome = ready.extraction.extract(wanted)
            response = api_response.success(outcome.message, outcome.data, request_id=label)
        except Exception as error:  # noqa: BLE001 - the border of the service: the caller gets the envelope, the log the trace
            response = _failure(error, label)
        span.finish(response.status_code)
        return response


def _failure(error: Exception, label: str) -> ApiResponse:
    known = error if isinstance(error, ServiceError) else InternalError()
    if isinstance(known, InternalError):
        _log.error("request %s failed: %s", label, known.message, exc_info=error)
    else:
        _log.info("request %s refused: %s %s", label, known.code, known.message)
    return api_response.failure(known, request_id=label)


def read_upload(upload: Upload, settings: "Settings", *, request_id: str, call_id: str) -> Submission:
    """Check everything about a request but the document itself.

    :raises errors.InvalidRequest: names the field and what was received.
    :raises errors.FileTooLarge: says the limit and the actual size.
    :raises errors.Forbidden: the user that the platform has logged in belongs to another company.
    """
    if upload.data is not None and len(upload.data) > settings.max_upload_bytes:
        raise refusals.too_large(len(upload.data), settings.max_upload_bytes)
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
    )


def _document(upload: Upload) -> bytes:
    if upload.multipart:
        if upload.data is None:
            received = ", ".join(sorted(upload.fields)) or "no fields"
            raise InvalidRequest(
                f"The form has no part named file ({upload.body_bytes} bytes received, fields: {received}).",
                details={"field": "file", "received_bytes": upload.body_bytes},
            )
        return upload.data
    if not upload.data:
        raise InvalidRequest(
            "The request has no body. Chunked uploads are not supported by the platform: send a Content-Length.",
            details={"field": "file", "received_bytes": 0},
        )
    kind = upload.content_type.split(";", 1)[0].strip().lower()
    if not kind.startswith(_DOCUMENT_TYPES):
        raise InvalidRequest(
            "Send multipart/form-data with a part named file, or the document itself with its own content type; "
            f"received {kind or 'no content type'}.",
            details={"field": "content-type", "actual": kind},
        )
    return upload.data
