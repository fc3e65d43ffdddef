"""POST /api/extract: an invoice in, checked data out. Parses the request, calls the one pipeline, answers."""

from typing import TYPE_CHECKING

import azure.functions as func

from shared_code import bootstrap
from shared_code.errors import ServiceError

if TYPE_CHECKING:
    from shared_code.api_response import ApiResponse
    from shared_code.extraction.upload_slots import Assign
    from shared_code.web.extract import Upload


async def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer one upload, on a thread of the upload lane; what finds no room there is refused at once."""
    bootstrap.warm_up()
    labels = {"request_id": req.headers.get("x-request-id"), "trace_parent": context.trace_context.trace_parent}

    def work(assign: "Assign") -> "ApiResponse":
        from shared_code.web.extract import extract_response

        # The platform finds the invocation of a log line by this.
        context.thread_local_storage.invocation_id = context.invocation_id  # type: ignore[attr-defined]
        return extract_response(bootstrap.services, lambda: _upload(req), assign=assign, **labels)

    try:
        response = await bootstrap.upload_lane().run(len(req.get_body()), work)
    except ServiceError as error:
        from shared_code.web.extract import refused_response

        response = refused_response(error, **labels)
    return func.HttpResponse(response.body, status_code=response.status_code, headers=dict(response.headers))


def _upload(req: func.HttpRequest) -> "Upload":
    from shared_code.extraction.idempotency import HEADER
    from shared_code.web import prefer
    from shared_code.web.extract import upload_of
    from shared_code.web.platform_login import PRINCIPAL_HEADER

    return upload_of(
        req.get_body(),
        content_type=req.headers.get("content-type") or "",
        url=req.url,
        principal=req.headers.get(PRINCIPAL_HEADER),
        idempotency_key=req.headers.get(HEADER),
        prefer=req.headers.get(prefer.HEADER),
    )
