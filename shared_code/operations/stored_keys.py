"""Which stored keys this process can open: a row may say Active while the key ring here lacks what closed it.

That happens when another machine got a newer entry of TOKEN_ENCRYPTION_KEYS first, or an old one was dropped too soon.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from shared_code.database import key_cipher
from shared_code.database.connection import Database
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.stores.keys import tokens
from shared_code.operations.health_checker import Check, CheckResult

#: opening one takes some microseconds; more keys than these cost too much for a check that runs once a minute
_MOST_KEYS = 10_000
_PAGE = 1_000
_KEPT_SECONDS = 60.0
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class KeysThatDoNotOpen:
    """What a look at the keys that could serve now has found.

    :ivar looked_at: how many were tried, the first ones by id.
    :ivar token_ids: those that do not open, in order.
    :ivar companies: how many companies they belong to.
    :ivar ring_entries: entries of the ring that closed them and are missing here, by their ids.
    """

    looked_at: int
    token_ids: tuple[int, ...]
    companies: int
    ring_entries: tuple[str, ...]


class StoredKeyLook:
    """Tries the keys that could serve now, at most once a minute however often it is asked.

    :param clock: monotonic seconds.
    """

    def __init__(
        self,
        database: Database,
        cipher: KeyCipher,
        *,
        most: int = _MOST_KEYS,
        kept_seconds: float = _KEPT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._cipher = database, cipher
        self._most, self._kept_seconds, self._clock = most, kept_seconds, clock
        self._lock = threading.Lock()
        self._latest: tuple[float, KeysThatDoNotOpen] | None = None

    def __call__(self) -> KeysThatDoNotOpen:
        """The latest finding, made anew when it is older than it may be.

        :raises DatabaseUnavailable: the database cannot be reached.
        """
        with self._lock:
            if self._latest is None or self._clock() - self._latest[0] >= self._kept_seconds:
                self._latest = (self._clock(), self._look())
            return self._latest[1]

    def _look(self) -> KeysThatDoNotOpen:
        closed = []
        looked_at = after_id = 0
        while looked_at < self._most:
            size = min(_PAGE, self._most - looked_at)
            rows = self._database.read(
                lambda connection, after=after_id, limit=size: tokens.usable_texts(  # type: ignore[misc]
                    connection, after_id=after, limit=limit
                )
            )
            closed += [row for row in rows if not self._cipher.opens(row.text, row.token_id)]
            looked_at += len(rows)
            if len(rows) < size:
                break
            after_id = rows[-1].token_id
        entries = {key_cipher.closed_by(row.text) for row in closed} - {None}
        return KeysThatDoNotOpen(
            looked_at=looked_at,
            token_ids=tuple(row.token_id for row in closed),
            companies=len({row.company_id for row in closed}),
            ring_entries=tuple(sorted(str(entry) for entry in entries if not self._cipher.holds(str(entry)))),
        )


def stored_keys_check(look: StoredKeyLook) -> Check:
    """Whether every key that could serve opens here; the facts name the others by id, and never a key."""

    def check() -> CheckResult:
        found = look()
        facts = {
            "looked_at": found.looked_at,
            "do_not_open": len(found.token_ids),
            "companies": found.companies,
            "token_ids": list(found.token_ids[:_SHOWN]),
            "missing_ring_entries": list(found.ring_entries),
        }
        return CheckResult(facts, healthy=not found.token_ids)

    return check
