"""The timer's work: small steps, each with its own transaction, its own record and its own failure.

Every step is safe to run twice and on two instances at once; one that fails never stops the others.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared_code.booking import usage_row
from shared_code.database import reservations
from shared_code.database.alerts import Alert
from shared_code.errors import ServiceError
from shared_code.records import Reservation, Usage, UsageKind
from shared_code.settings import UnmeasuredCalls

if TYPE_CHECKING:
    from shared_code.bootstrap import Services

_log = logging.getLogger(__name__)

#: bookings replayed and leases ended in one run of the timer
_MOST_MESSAGES = 5_000
_MOST_LEASES = 5_000
_LEASE_BATCH = 200


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step did. ``error`` is the code of the failure that ended it, or None."""

    name: str
    seen: int
    changed: int
    milliseconds: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Done:
    seen: int
    changed: int


def run_rollup(services: "Services", *, clock: Callable[[], float] = time.monotonic) -> list[StepResult]:
    """Run every step once, in order."""
    steps: Sequence[tuple[str, Callable[[Services], _Done]]] = (
        ("replay outbox", replay_outbox),
        ("end stale reservations", end_stale_reservations),
    )
    results = [_run_step(name, step, services, clock) for name, step in steps]
    _log.info(
        "rollup: %s",
        "; ".join(
            f"{result.name} {result.changed}/{result.seen}" + (f" failed ({result.error})" if result.error else "")
            for result in results
        ),
    )
    return results


def replay_outbox(services: "Services") -> _Done:
    """Book what waits in the outbox queue since the database was away."""
    replayed = services.outbox.replay(services.ledger.replay, most=_MOST_MESSAGES)
    return _Done(replayed.seen, replayed.booked)


def end_stale_reservations(services: "Services") -> _Done:
    """End reservations whose lease ran out: their process was killed or frozen in the middle of a call.

    By UNMEASURED_CALLS the bound is booked with kind ``unmeasured``, or released with a row of unknown tokens.
    """
    seen = changed = 0
    while seen < _MOST_LEASES:
        stale = services.database.read(
            lambda connection: reservations.stale_reservations(connection, limit=_LEASE_BATCH)
        )
        seen += len(stale)
        ended = [reservation for reservation in stale if _end(services, reservation)]
        changed += len(ended)
        for model in sorted({reservation.model for reservation in ended}):
            _alert_unmeasured(services, model, [item for item in ended if item.model == model])
        if len(stale) < _LEASE_BATCH:
            break
    return _Done(seen, changed)


def _end(services: "Services", reservation: Reservation) -> bool:
    """End one reservation; False when its owner, or another sweep, was quicker."""
    keep = services.settings.unmeasured_calls is UnmeasuredCalls.BOOK
    row = usage_row(
        reservation,
        Usage(total_tokens=reservation.bound_tokens if keep else None),
        outcome="lease_ended",
        kind=UsageKind.UNMEASURED,
    )

    return services.database.run(
        lambda connection: services.quota_manager.end(connection, reservation, row),
        on_unknown=lambda _connection: None,
    )


def _alert_unmeasured(services: "Services", model: str, ended: Sequence[Reservation]) -> None:
    tokens = sum(reservation.bound_tokens for reservation in ended)
    services.ledger.alert(
        Alert(
            kind="unmeasured_call",
            subject=model,
            severity="warning",
            message=f"{len(ended)} calls of {model} never reported their usage; "
            f"{services.settings.unmeasured_calls} {tokens} tokens. See the unmeasured usage rows.",
            details={"calls": len(ended), "bound_tokens": tokens, "policy": services.settings.unmeasured_calls.value},
        )
    )


def _run_step(
    name: str, step: "Callable[[Services], _Done]", services: "Services", clock: Callable[[], float]
) -> StepResult:
    started = clock()
    try:
        done = step(services)
    except ServiceError as error:
        _log.warning("rollup step %r failed: %s", name, error.code)
        return StepResult(name, 0, 0, int((clock() - started) * 1000), error.code)
    except Exception:  # noqa: BLE001 - a bug in one step must not keep the others from running
        _log.exception("rollup step %r failed", name)
        return StepResult(name, 0, 0, int((clock() - started) * 1000), "INTERNAL_ERROR")
    return StepResult(name, done.seen, done.changed, int((clock() - started) * 1000))
