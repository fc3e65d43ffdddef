"""The answers of /api/health: whether the service lives, and whether it can serve requests now."""

import contextlib
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from shared_code import api_response
from shared_code.api_response import ApiResponse
from shared_code.blobs.clients import blob_service_client, storage_configured
from shared_code.database.stores import tokens
from shared_code.errors import ConfigurationError, DatabaseUnavailable, NotFound, ServiceError
from shared_code.operations import health_checks
from shared_code.operations.health_checker import SystemHealthChecker, public_view
from shared_code.records import Provider

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services

#: a result is shown again for so long: anyone may ask, and asking must not load the database
_MAX_AGE_SECONDS = 2.0
#: probes give up soon; nothing of ours may hang longer than they wait
_READY_SECONDS = 3.0
_KEYS_LOOKED_AT = 10
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


def readiness_checks(services: "Services") -> SystemHealthChecker:
    """Whether the database answers now and its tables are there; within its limit also when the server hangs."""
    answers = health_checks.database_check(services.database, budget_seconds=0.0)

    def check() -> object:
        services.ready()
        return answers()

    checker = SystemHealthChecker(time_limit_seconds=_READY_SECONDS)
    checker.add_check("database", check)
    return checker


def system_checks(services: "Services") -> SystemHealthChecker:
    """All built-in checks: cheap, side by side, each within its limit, and never a token spent."""
    database = services.database
    checker = SystemHealthChecker(time_limit_seconds=5.0)
    checker.add_check("api", lambda: True)
    checker.add_check("cpu", health_checks.cpu_check())
    checker.add_check("memory", health_checks.memory_check())
    checker.add_check("disk", health_checks.disk_check())
    checker.add_check("database", health_checks.database_check(database))
    checker.add_check("migrations", health_checks.migration_check(database))
    checker.add_check("usable_keys", health_checks.usable_keys_check(database))
    checker.add_check("rollup", health_checks.rollup_check(database))
    for provider in services.providers.values():
        check = health_checks.provider_check(provider, _key_finder(services, provider.provider))
        checker.add_check(provider.provider.value.lower(), check)
    if storage_configured(services.settings):
        blobs = functools.cache(lambda: blob_service_client(services.settings))
        checker.add_check("storage", health_checks.storage_check(blobs))
        checker.add_check("outbox", health_checks.outbox_check(services.outbox.depth))
    return checker


def _key_finder(services: "Services", provider: Provider) -> "Callable[[], str | None]":
    """Some usable key of a provider, to ask it with for its list of models; one that does not open is passed over."""

    def find() -> str | None:
        rows = services.database.read(
            lambda connection: tokens.newest_usable(connection, provider, limit=_KEYS_LOOKED_AT)
        )
        for row in rows:
            with contextlib.suppress(ConfigurationError):
                return row.decrypted(services.cipher).secret
        return None

    return find
