"""GET /api/health and /api/health/ready, without a login: per check only its status, never a detail."""

import azure.functions as func

from shared_code import bootstrap
from shared_code.web.health import HealthDesk

_desk = HealthDesk()


async def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer whether the service lives (``health``) or can serve requests now (``health/ready``).

    On the event loop, because the platform's threads may all be busy.
    """
    response = await _desk.response(bootstrap.services, kind=req.route_params.get("kind"))
    return func.HttpResponse(response.body, status_code=response.status_code, headers=dict(response.headers))
