"""Function keys, only when asked for: ``func start`` lets every request through unless ``--enableAuth`` is given."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from devstack.host.http_messages import query_values


@dataclass(frozen=True)
class KeyRing:
    """The keys of this host. ``enabled`` False lets everything through.

    :ivar host_key: opens functions of level ``function``.
    :ivar master_key: opens everything; None means that nothing of level ``admin`` can be opened.
    """

    enabled: bool = False
    host_key: str | None = None
    master_key: str | None = None

    def allows(self, level: str, headers: Mapping[str, str], query: str) -> bool:
        """Whether the request may call something of ``level``.

        The header wins over ``?code=``; a bad key on an anonymous function does no harm.
        """
        if not self.enabled or level == "anonymous":
            return True
        given = headers.get("x-functions-key") or query_values(query).get("code")
        if not given:
            return False
        keys = (self.master_key,) if level == "admin" else (self.master_key, self.host_key)
        return any(key is not None and hmac.compare_digest(given.encode(), key.encode()) for key in keys)
