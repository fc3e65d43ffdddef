"""/api/manage/...: the admin API. It has its own authentication, so the platform's level is anonymous."""

import azure.functions as func

from shared_code import api_response
from shared_code.errors import NotFound


async def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Hand one request to the ASGI app, which answers every error itself."""
    if ";" in req.url.partition("?")[0]:
        # The platform's adapter drops a semicolon with what follows: another address than was asked for would answer.
        answer = api_response.failure(
            NotFound(), request_id=api_response.request_id_of(req.headers.get("x-request-id"))
        )
        return func.HttpResponse(answer.body, status_code=answer.status_code, headers=dict(answer.headers))
    # Imported on first use: the web framework would double the cold start of the other functions.
    from shared_code.admin.app import default_app

    middleware = func.AsgiMiddleware(default_app())  # type: ignore[no-untyped-call] # the platform's
    response: func.HttpResponse = await middleware.handle_async(req, context)
    return response
