"""CORS as Core Tools does it for ``Host.CORS`` or ``--cors``: any header, any method, preflight before routing."""

from collections.abc import Mapping
from dataclasses import dataclass

from devstack.host.errors import HostStartError
from devstack.http_server import Answer

NO_CONTENT = 204


@dataclass(frozen=True)
class CorsPolicy:
    """The origins that a browser may call from; none means that the host says nothing about CORS."""

    origins: tuple[str, ...] = ()
    credentials: bool = False

    @property
    def active(self) -> bool:
        """Whether any origin is set."""
        return bool(self.origins)

    def preflight(self, method: str, headers: Mapping[str, str]) -> Answer | None:
        """The answer to a preflight request, or None when this is none. A foreign origin gets 204 without headers."""
        asked = headers.get("access-control-request-method")
        if not self.active or method != "OPTIONS" or "origin" not in headers or not asked:
            return None
        answer = list(self.headers(headers))
        if answer:
            answer.append(("Access-Control-Allow-Methods", asked))
            if headers.get("access-control-request-headers"):
                answer.append(("Access-Control-Allow-Headers", headers["access-control-request-headers"]))
        return Answer(NO_CONTENT, headers=tuple(answer))

    def headers(self, request_headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """What is added to an answer for the origin of the request."""
        origin = request_headers.get("origin")
        if not self.active or origin is None:
            return ()
        if "*" in self.origins:
            return (("Access-Control-Allow-Origin", "*"),)
        if origin.casefold() not in {known.casefold() for known in self.origins}:
            return ()
        found = [("Access-Control-Allow-Origin", origin)]
        if self.credentials:
            found.append(("Access-Control-Allow-Credentials", "true"))
        if len(self.origins) > 1:
            found.append(("Vary", "Origin"))
        return tuple(found)


def cors_policy(origins: str | None, *, credentials: bool) -> CorsPolicy:
    """Read comma-separated origins. Raises :class:`HostStartError` for ``*`` together with credentials."""
    listed = tuple(origin.strip().rstrip("/") for origin in (origins or "").split(",") if origin.strip())
    if "*" in listed and credentials:
        raise HostStartError("The CORS protocol does not allow any origin (*) together with credentials.", exit_code=2)
    return CorsPolicy(listed, credentials)
