"""Sessions of Azure SQL that one test after another uses: the stand-in works out each statement anew for each session.

Engines open and end connections as ever. Only what they open to the session's own server is kept; the stand-ins that
tests break are not.
"""

import re
import urllib.parse
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Pool, event

#: what scripts set otherwise
_AS_NEW = (
    "SET XACT_ABORT OFF; SET NOCOUNT OFF; SET QUOTED_IDENTIFIER ON; SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
)
_SERVER = re.compile(r"server=([^;]+)", re.IGNORECASE)


class KeptSession:
    """A connection of the driver, which is free for the next one when it ends."""

    def __init__(self, session: Any, free: list[Any] | None) -> None:
        vars(self).update(_session=session, _free=free)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._open(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._open(), name, value)

    def _open(self) -> Any:
        """The session, which may be another one's after the end of this connection."""
        import pyodbc

        if "_session" not in vars(self):
            raise pyodbc.ProgrammingError("The connection is closed")
        return vars(self)["_session"]

    def close(self) -> None:
        """End what was begun on it. A session on which something failed is not kept."""
        import pyodbc  # needs the driver manager, which tests on other databases do without

        session = vars(self).pop("_session", None)
        if session is not None and self._free is None:
            session.close()
        elif session is not None:
            with suppress(pyodbc.Error):
                session.rollback()
                session.autocommit, session.timeout = False, 0
                self._free.append(session)


def _let_go(session: Any, _record: Any, error: BaseException | None) -> None:
    if isinstance(session, KeptSession) and error is not None:
        session.__dict__["_free"] = None


@contextmanager
def kept_sessions(url: str) -> Iterator[None]:
    """Keep the sessions of this process with the server of a URL, as the driver's own pool would."""
    import pyodbc

    server, log_in = _server_of(url), pyodbc.connect
    kept: dict[tuple[Any, ...], list[Any]] = defaultdict(list)

    def connect(text: str, **options: Any) -> Any:
        if _server_of(text) != server:
            return log_in(text, **options)
        free = kept[text, tuple(sorted((name, repr(value)) for name, value in options.items()))]
        while True:
            try:
                session = free.pop()
            except IndexError:  # none is left; other threads take some too
                return KeptSession(log_in(text, **options), free)
            with suppress(pyodbc.Error):  # a test may have ended it at the server
                session.execute(_AS_NEW)
                session.rollback()
                return KeptSession(session, free)

    pyodbc.connect = connect
    event.listen(Pool, "invalidate", _let_go)
    try:
        yield
    finally:
        pyodbc.connect = log_in
        event.remove(Pool, "invalidate", _let_go)
        for free in kept.values():
            for session in free:
                session.close()


def _server_of(text: str) -> str | None:
    found = _SERVER.search(urllib.parse.unquote_plus(text))
    return found and found[1]
