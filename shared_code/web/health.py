"""The answers of /api/health: whether the service lives, and whether it can serve requests now.

They have a way of their own: threads that nothing else uses, and one look at a time for all who ask meanwhile. However
many uploads are under way, and however many probes, an answer waits for one look and for nothing else.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared_code import __version__, api_response
from shared_code.api_response import ApiResponse
from shared_code.errors import DatabaseUnavailable, NotFound, ServiceError
from shared_code.operations.health_checker import public_view
from shared_code.web.browsers import for_browsers

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services

#: a result is shown again for so long: anyone may ask, and asking must not load the database
_MAX_AGE_SECONDS = 2.0
_LIVE, _READY = "live", "ready"
_KINDS = {None: _LIVE, "": _LIVE, _LIVE: _LIVE, _READY: _READY}


@dataclass(frozen=True, slots=True)
class _Well:
    """What a look found, where it found things well enough to answer 200."""

    message: str
    data: dict[str, Any]


class HealthDesk:
    """Answers probes on the event loop; looks are taken on threads of its own. One for the process."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="health")
        self._looking: dict[str, asyncio.Future[_Well | None]] = {}

    async def response(self, services: "Callable[[], Services]", *, kind: str | None) -> ApiResponse:
        """See :func:`health_response`."""
        name = _KINDS.get(kind)
        if name is None:
            return _unknown()
        looking = self._looking.get(name)
        if looking is None:
            looking = asyncio.get_running_loop().run_in_executor(self._threads, _look, services, name)
            self._looking[name] = looking
            looking.add_done_callback(lambda _: self._looking.pop(name))
        # Others may wait for the same look: one that goes away does not end it.
        return _answer(await asyncio.shield(looking))


def health_response(services: "Callable[[], Services]", *, kind: str | None) -> ApiResponse:
    """``kind`` None or 'live': 200 with each check's status; 'ready': 503 until the database answers. Blocks."""
    name = _KINDS.get(kind)
    return _unknown() if name is None else _answer(_look(services, name))


def _look(services: "Callable[[], Services]", name: str) -> _Well | None:
    # Whatever the cause, a probe is told one thing: not now.
    with contextlib.suppress(ServiceError):
        if name == _LIVE:
            result = services().health.run_checks(max_age_seconds=_MAX_AGE_SECONDS)
            return _Well("The service is running", {"version": __version__, **public_view(result)})
        if services().readiness.run_checks()["overall_status"] == "healthy":
            return _Well("The service is ready", {"ready": True})
    return None


def _answer(well: _Well | None) -> ApiResponse:
    label = api_response.request_id_of(None)
    if well is None:
        return for_browsers(api_response.failure(DatabaseUnavailable(), request_id=label))
    return for_browsers(api_response.success(well.message, well.data, request_id=label))


def _unknown() -> ApiResponse:
    error = NotFound("There are health and health/ready only.", details={"field": "path"})
    return for_browsers(api_response.failure(error, request_id=api_response.request_id_of(None)))
