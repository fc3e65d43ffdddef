"""Statements are compiled once for all databases of a kind.

SQLAlchemy keeps what it has compiled with each engine. Every test opens databases of its own, so that a quarter of the
suite's CPU went into compiling the same statements again and again.
"""

from typing import Any

from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.util import LRUCache

_MOST = 3000
_by_kind: dict[tuple[str, str], Any] = {}


class _Shared:
    """One engine's view of the statements of its kind. The first part of a key is the engine's own dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._kind = (dialect.name, dialect.driver)
        self._kept = _by_kind.setdefault(self._kind, LRUCache(_MOST))

    def get(self, key: tuple[Any, ...]) -> Any:
        return self._kept.get((self._kind, *key[1:]))

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        self._kept[self._kind, *key[1:]] = compiled

    def clear(self) -> None:
        self._kept.clear()


def _find(engine: Engine) -> _Shared | None:
    return engine.__dict__.get("_shared_statements")


def _keep(engine: Engine, own: Any) -> None:
    engine.__dict__["_shared_statements"] = None if own is None else _Shared(engine.dialect)


def share_compiled_statements() -> None:
    """For every engine that is made from now on."""
    Engine._compiled_cache = property(_find, _keep)  # type: ignore[assignment,method-assign]
