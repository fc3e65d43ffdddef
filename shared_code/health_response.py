"""The answers of /api/health: whether the service lives, and whether it can serve requests now."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared_code import api_response, health_checks
from shared_code.api_response import ApiResponse
from shared_code.errors import DatabaseUnavailable, InvalidRequest, ServiceError
from shared_code.health import SystemHealthChecker, public_view

if TYPE_CHECKING:
    from shared_code.bootstrap import Services

#: a result is shown again for so long: anyone may ask, and asking must not load the database
_MAX_AGE_SECONDS = 2.0
_KINDS = {None, "", "live", "ready"}


def health_response(services: "Callable[[], Services]", *, kind: str | None) -> ApiResponse:
    """``kind`` None or 'live': 200 with each check's status; 'ready': 503 until the database answers."""
    label = api_response.request_id_of(None)
    if kind not in _KINDS:
        return api_response.failure(
            InvalidRequest("There are health and health/ready only.", details={"field": "path"}), request_id=label
        )
    try:
        if kind != "ready":
            result = services().health.run_checks(max_age_seconds=_MAX_AGE_SECONDS)
            return api_response.success("The service is running", public_view(result), request_id=label)
        health_checks.database_check(services().ready().database, budget_seconds=0.0)()
        return api_response.success("The service is ready", {"ready": True}, request_id=label)
    except ServiceError as error:
        # Whatever the cause, a probe is told one thing: not now.
        return api_response.failure(DatabaseUnavailable(retry_after=error.retry_after), request_id=label)


def basic_checks(services: "Services") -> SystemHealthChecker:
    """Checks that anyone may ask for: cheap, and never a token spent."""
    checker = SystemHealthChecker(time_limit_seconds=3.0)
    checker.add_check("api", lambda: True)
    checker.add_check("database", health_checks.database_check(services.database))
    checker.add_check("memory", health_checks.memory_check())
    checker.add_check("disk", health_checks.disk_check())
    return checker
