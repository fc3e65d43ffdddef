"""GET /api/health and /api/health/ready, without a login: per check only its status, never a detail."""

import azure.functions as func

from shared_code import bootstrap
from shared_code.web.health import health_response


def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer whether the service lives (``health``) or can serve requests now (``health/ready``)."""
    response = health_response(bootstrap.services, kind=req.route_params.get("kind"))
    return func.HttpResponse(response.body, status_code=response.status_code, headers=dict(response.headers))
