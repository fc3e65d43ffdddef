"""GET /api/health and /api/health/ready, without a login: per check only its status, never a detail."""

import functools
from typing import TYPE_CHECKING

import azure.functions as func

from shared_code import bootstrap

if TYPE_CHECKING:
    from shared_code.web.health import HealthDesk


async def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer whether the service lives (``health``) or can serve requests now (``health/ready``).

    On the event loop, because the platform's threads may all be busy.
    """
    bootstrap.warm_up()
    response = await _desk().response(bootstrap.services, kind=req.route_params.get("kind"))
    return func.HttpResponse(response.body, status_code=response.status_code, headers=dict(response.headers))


@functools.cache
def _desk() -> "HealthDesk":
    from shared_code.web.health import HealthDesk

    return HealthDesk()
