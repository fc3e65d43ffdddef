"""Records each HTTP request to blob and queue storage as a dependency span of the request that causes it.

A transport of the storage SDK, so that every client that uses it is covered, each try of the SDK's own retries for
itself. Spans name the service and the container or queue; names of blobs are people's and stay out. Imported where a
storage client is made, because the SDK is slow to load.
"""

import ipaddress
from typing import Any
from urllib.parse import SplitResult, urlsplit

from azure.core.pipeline.transport import RequestsTransport

from shared_code.observability.request_context import current_request
from shared_code.observability.telemetry import telemetry

_FAILED = 400
#: not found, exists already, condition not met: expected answers of conditional requests, not failures
_ANSWERS = frozenset({404, 409, 412})


class TracedTransport(RequestsTransport):  # type: ignore[misc] # the SDK loads it in a way that hides its type
    """The SDK's own transport, with a span around each request.

    :param service: blob or queue, for the span's name.
    """

    def __init__(self, service: str, **options: Any) -> None:
        super().__init__(**options)
        self._service = service

    def send(self, request: Any, **options: Any) -> Any:
        """Send one request; raises what the SDK's own transport raises."""
        if not telemetry().enabled or not current_request().operation_id:
            return super().send(request, **options)
        name, target = f"{request.method} {self._service}", urlsplit(request.url)
        with telemetry().dependency(name, kind="storage", target=target.netloc, data=_place(target)) as span:
            answer: Any = super().send(request, **options)
            status = int(answer.status_code)
            span.finish(status, success=status < _FAILED or status in _ANSWERS)
            return answer


def _place(target: SplitResult) -> str:
    """The container or queue of an address; the emulator's begin with the account."""
    parts = target.path.strip("/").split("/")
    return parts[1] if _is_emulator(target.hostname) and len(parts) > 1 else parts[0]


def _is_emulator(host: str | None) -> bool:
    try:
        ipaddress.ip_address(host or "")
    except ValueError:
        return host == "localhost"
    return True
