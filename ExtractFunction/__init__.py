"""POST /api/extract: an invoice in, checked data out. Parses the request, calls the one pipeline, answers."""

import azure.functions as func

from shared_code import bootstrap
from shared_code.web.extract import Upload, extract_response
from shared_code.web.platform_login import PRINCIPAL_HEADER


def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer one upload."""
    response = extract_response(
        bootstrap.services,
        lambda: _upload(req),
        request_id=req.headers.get("x-request-id"),
        trace_parent=context.trace_context.trace_parent,
    )
    return func.HttpResponse(response.body, status_code=response.status_code, headers=dict(response.headers))


def _upload(req: func.HttpRequest) -> Upload:
    """What was sent: multipart form data, or a document as the body with the fields in the query."""
    content_type = req.headers.get("content-type") or ""
    if not content_type.lower().startswith("multipart/form-data"):
        return Upload(
            data=req.get_body(),
            content_type=content_type,
            fields=dict(req.params),
            file_name=None,
            principal=req.headers.get(PRINCIPAL_HEADER),
        )
    part = req.files.get("file")
    return Upload(
        data=None if part is None else part.stream.read(),
        content_type=content_type if part is None else part.content_type,
        fields={name: req.form.get(name) for name in req.form},
        file_name=None if part is None else part.filename,
        body_bytes=len(req.get_body()),
        multipart=True,
        principal=req.headers.get(PRINCIPAL_HEADER),
    )
