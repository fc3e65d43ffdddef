"""GET and DELETE /api/extractions/{id}: a reading by its id. Parses the request, calls one thing, answers."""

import azure.functions as func

from shared_code import bootstrap


def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer with the reading as it stands now, or cancel its job."""
    from shared_code.web.platform_login import PRINCIPAL_HEADER
    from shared_code.web.readings import ReadingRequest, cancel_response, reading_response

    wanted = ReadingRequest(
        reading_id=req.route_params.get("id") or "",
        url=req.url,
        if_none_match=req.headers.get("if-none-match"),
        accept=req.headers.get("accept"),
        principal=req.headers.get(PRINCIPAL_HEADER),
    )
    respond = cancel_response if req.method.upper() == "DELETE" else reading_response
    response = respond(
        bootstrap.services,
        wanted,
        request_id=req.headers.get("x-request-id"),
        trace_parent=context.trace_context.trace_parent,
    )
    return func.HttpResponse(response.body, status_code=response.status_code, headers=dict(response.headers))
