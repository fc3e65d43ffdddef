"""/api/manage/...: the admin API. It has its own authentication, so the platform's level is anonymous."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import azure.functions as func

if TYPE_CHECKING:
    from shared_code.admin.error_layer import AsgiApp


async def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Hand one request to the ASGI app, which answers every error itself."""
    return await answer(req, context, _app)


async def answer(
    req: func.HttpRequest, context: func.Context | None, app: "Callable[[], AsgiApp]"
) -> func.HttpResponse:
    """The answer of ``app``, or the refusal of an address that cannot be read."""
    from shared_code.admin import address

    refused = address.refusal(req.url, request_id=req.headers.get("x-request-id"))
    if refused is not None:
        return func.HttpResponse(refused.body, status_code=refused.status_code, headers=dict(refused.headers))
    middleware = func.AsgiMiddleware(app())  # type: ignore[no-untyped-call] # the platform's
    response: func.HttpResponse = await middleware.handle_async(req, context)
    return response


def _app() -> "AsgiApp":
    # Imported on first use: the web framework would double the cold start of the other functions.
    from shared_code.admin.app import default_app

    return default_app()
