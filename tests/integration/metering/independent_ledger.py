"""What must stand on keys and limits, by plain addition over all calls: it shares no arithmetic with the product."""

from dataclasses import dataclass, field
from datetime import date

from shared_code.records import Caller, Reservation

OPEN, KILLED, ENDED = "open", "killed", "ended"
#: company, scope and subject
Owner = tuple[str, str, str]


@dataclass
class Call:
    """What the ledger knows of one call. ``booked`` is all that its rows add up to."""

    caller: Caller
    day: date
    token_id: int | None
    held: int
    booked: int = 0
    state: str = OPEN
    swept: bool = False
    settled: bool = False
    reservation: Reservation | None = None


@dataclass
class Key:
    """``limit`` stands in TokenMaster, ``in_force`` is what reservations keep to (with the timer's next run: the same)."""

    company: str
    limit: int | None
    in_force: int | None
    has_total: bool = False

    def begin(self) -> None:
        """Its running total is made, if there was none."""
        if not self.has_total:
            self.has_total, self.in_force = True, self.limit


@dataclass
class Truth:
    """The independent ledger."""

    calls: list[Call] = field(default_factory=list)
    keys: dict[int, Key] = field(default_factory=dict)
    #: daily and monthly limit of an owner
    quotas: dict[Owner, tuple[int | None, int | None]] = field(default_factory=dict)
    #: what operators have forgiven, by owner and period
    forgiven: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    zones: dict[str, str] = field(default_factory=dict)

    def of_owner(self, company: str, scope: str, subject: str, period: str) -> tuple[int, int]:
        """Used and reserved of an owner in a period such as 2026-11 or 2026-11-30."""
        own = [
            call
            for call in self.calls
            if call.caller.company_id == company
            and call.day.isoformat().startswith(period)
            and (
                scope == "company"
                or (scope == "branch" and call.caller.branch == subject)
                or (scope == "user" and call.caller.username == subject)
            )
        ]
        used = sum(call.booked for call in own) - self.forgiven.get((company, scope, subject, period), 0)
        return used, sum(call.held for call in own)

    def of_key(self, token_id: int) -> tuple[int, int]:
        """Used and reserved of a key."""
        own = [call for call in self.calls if call.token_id == token_id]
        return sum(call.booked for call in own), sum(call.held for call in own)

    def rooms(self, caller: Caller, day: date) -> list[int]:
        """What each limit on a call leaves."""
        found = []
        for (company, scope, subject), (daily, monthly) in self.quotas.items():
            applies = scope == "company" or subject == (caller.branch if scope == "branch" else caller.username)
            if company != caller.company_id or not applies:
                continue
            for limit, period in ((daily, day.isoformat()), (monthly, day.isoformat()[:7])):
                if limit is not None:
                    found.append(limit - sum(self.of_owner(company, scope, subject, period)))
        return found

    def key_rooms(self, company: str) -> dict[int, int | None]:
        """What the limit of each key of a company leaves; None = no limit."""
        return {
            token_id: None if key.in_force is None else key.in_force - sum(self.of_key(token_id))
            for token_id, key in self.keys.items()
            if key.company == company
        }
