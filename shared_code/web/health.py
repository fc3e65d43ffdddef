"""The answers of /api/health: whether the service lives, and whether it can serve requests now."""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from shared_code import api_response
from shared_code.api_response import ApiResponse
from shared_code.errors import DatabaseUnavailable, NotFound, ServiceError
from shared_code.operations.health_checker import public_view

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services

#: a result is shown again for so long: anyone may ask, and asking must not load the database
_MAX_AGE_SECONDS = 2.0
_KINDS = {None, "", "live", "ready"}


def health_response(services: "Callable[[], Services]", *, kind: str | None) -> ApiResponse:
    """``kind`` None or 'live': 200 with each check's status; 'ready': 503 until the database answers."""
    label = api_response.request_id_of(None)
    if kind not in _KINDS:
        return api_response.failure(
            NotFound("There are health and health/ready only.", details={"field": "path"}), request_id=label
        )
    # Whatever the cause, a probe is told one thing: not now.
    with contextlib.suppress(ServiceError):
        if kind != "ready":
            result = services().health.run_checks(max_age_seconds=_MAX_AGE_SECONDS)
            return api_response.success("The service is running", public_view(result), request_id=label)
        if services().readiness.run_checks()["overall_status"] == "healthy":
            return api_response.success("The service is ready", {"ready": True}, request_id=label)
    return api_response.failure(DatabaseUnavailable(), request_id=label)
