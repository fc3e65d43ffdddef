"""GET /api/extractions/{id}: a reading asked for again by its id. Parses the request, calls one thing, answers."""

import azure.functions as func

from shared_code import bootstrap
from shared_code.web.platform_login import PRINCIPAL_HEADER
from shared_code.web.readings import ReadingRequest, reading_response


def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer with the reading as it stands now."""
    wanted = ReadingRequest(
        reading_id=req.route_params.get("id") or "",
        url=req.url,
        if_none_match=req.headers.get("if-none-match"),
        principal=req.headers.get(PRINCIPAL_HEADER),
    )
    response = reading_response(
        bootstrap.services,
        wanted,
        request_id=req.headers.get("x-request-id"),
        trace_parent=context.trace_context.trace_parent,
    )
    return func.HttpResponse(response.body, status_code=response.status_code, headers=dict(response.headers))
