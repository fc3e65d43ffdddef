"""/api/manage/...: the admin API. It has its own authentication, so the platform's level is anonymous."""

import azure.functions as func


async def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Hand one request to the ASGI app, which answers every error itself."""
    # Imported on first use: the web framework would double the cold start of the other functions.
    from shared_code.admin.app import default_app

    middleware = func.AsgiMiddleware(default_app())  # type: ignore[no-untyped-call] # the platform's
    response: func.HttpResponse = await middleware.handle_async(req, context)
    return response
