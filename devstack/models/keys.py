"""State of keys and projects that lasts until it is changed, unlike a fault of the script.

A state is the kind of an error body (``invalid_key``, ``suspended``, ``per_day_quota``, ...). A project's state holds
for all of its keys; quotas of the real service are per project too.
"""

import threading
from dataclasses import dataclass

OK = "ok"


@dataclass(frozen=True, slots=True)
class _Key:
    project: str | None
    state: str


class KeyRing:
    """Key states by hash and project states by name; a key that was never named is fine. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[str, _Key] = {}
        self._projects: dict[str, str] = {}

    def set_key(self, hashed: str, *, state: str = OK, project: str | None = None) -> None:
        """Give a key (by hash) a state and a project."""
        with self._lock:
            self._keys[hashed] = _Key(project, state)

    def set_project(self, project: str, *, state: str) -> None:
        """Give all keys of a project a state."""
        with self._lock:
            self._projects[project] = state

    def state(self, hashed: str) -> str:
        """The state that a call with this key meets: the project's if it has one, else the key's."""
        with self._lock:
            key = self._keys.get(hashed, _Key(None, OK))
            of_project = self._projects.get(key.project, OK) if key.project else OK
        return of_project if of_project != OK else key.state

    def clear(self) -> None:
        """All keys and projects are fine again."""
        with self._lock:
            self._keys.clear()
            self._projects.clear()
