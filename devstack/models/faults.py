"""The fault script: what the next requests get instead of the ordinary answer, first in, first out."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devstack.models.calls import key_hash

DELAY = "delay"
CLOSE = "close"
CLOSE_MID_ANSWER = "close_mid_answer"
#: the text of an answer as the script gives it
ANSWER = "answer"
HTML_502 = "html_502"
EMPTY_200 = "empty_200"
NOT_JSON_200 = "not_json_200"
RAW = "raw"
TRANSPORT_KINDS = frozenset({DELAY, CLOSE, CLOSE_MID_ANSWER, HTML_502, EMPTY_200, NOT_JSON_200, RAW})


class UnknownFault(ValueError):
    """A fault script names a kind that this stand-in does not have, or is malformed."""


@dataclass(slots=True)
class Fault:
    """One entry of the script.

    :ivar kind: what happens; ``delay`` alone means the ordinary answer, late.
    :ivar key: hash of the key that it waits for, None = any.
    :ivar model: model that it waits for, None = any.
    :ivar left: how many requests it still serves, None = until the script is reset.
    :ivar delay_seconds: wait before it happens, for every kind.
    :ivar options: what the kind needs: ``text``, ``json``, ``status``, ``body``, ``retry_delay``, ``reason``, ...
    """

    kind: str
    key: str | None = None
    model: str | None = None
    left: int | None = 1
    delay_seconds: float = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)

    def serves(self, key: str | None, model: str | None) -> bool:
        """Whether a request with this key hash and model is the one that it waits for."""
        return (self.key is None or self.key == key) and (self.model is None or self.model == model)


class FaultScript:
    """Faults in the order in which they were added; thread-safe."""

    def __init__(self, kinds: frozenset[str]) -> None:
        self.kinds = kinds | TRANSPORT_KINDS
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put a fault at the end. Raises :class:`UnknownFault`."""
        if fault.kind not in self.kinds:
            raise UnknownFault(f"unknown fault {fault.kind!r}; known: {', '.join(sorted(self.kinds))}")
        with self._lock:
            self._faults.append(fault)

    def take(self, key: str | None, model: str | None) -> Fault | None:
        """The first fault that waits for this key hash and model, used up by one; None = answer as usual."""
        with self._lock:
            for index, fault in enumerate(self._faults):
                if not fault.serves(key, model):
                    continue
                if fault.left is not None:
                    fault.left -= 1
                    if fault.left <= 0:
                        del self._faults[index]
                return fault
        return None

    def pending(self) -> list[dict[str, Any]]:
        """What is still to come, as data."""
        with self._lock:
            return [
                {"kind": fault.kind, "key_hash": fault.key, "model": fault.model, "left": fault.left}
                for fault in self._faults
            ]

    def clear(self) -> None:
        """Drop what is still to come."""
        with self._lock:
            self._faults.clear()


def fault_from(data: Mapping[str, Any]) -> Fault:
    """Read one fault from a control request: ``kind``, ``key`` or ``key_hash``, ``model``, ``times``, ``delay_ms``,
    ``options``. ``times: 0`` means until reset. Raises :class:`UnknownFault` for anything else.
    """  # noqa: D205 - the list of fields needs two lines
    known = {"kind", "key", "key_hash", "model", "times", "delay_ms", "options"}
    if not isinstance(data, Mapping) or not isinstance(data.get("kind"), str) or set(data) - known:
        raise UnknownFault(f"a fault is an object with kind and at most {', '.join(sorted(known))}")
    key = data.get("key_hash") or (key_hash(str(data["key"])) if data.get("key") else None)
    try:
        times = int(data.get("times", 1))
        delay_seconds = float(data.get("delay_ms", 0)) / 1000
    except (TypeError, ValueError) as error:
        raise UnknownFault("times and delay_ms are numbers") from error
    return Fault(
        kind=data["kind"],
        key=key,
        model=data.get("model"),
        left=times or None,
        delay_seconds=delay_seconds,
        options=dict(data.get("options") or {}),
    )
