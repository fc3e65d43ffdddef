"""What operators do to quotas, over the API and the command line alike: each change with its audit row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from shared_code.database.stores.keys.token_fields import (
    MAX_TOKENS,
    checked_amount,
    checked_company,
    checked_text,
)
from shared_code.database.stores.operations import company_zones
from shared_code.database.stores.operations.admin_audit import Actor, add_audit
from shared_code.database.stores.quotas import quota_changes, quota_scopes, quotas
from shared_code.database.stores.quotas.quotas import Quota
from shared_code.database.stores.usage.usage_sums import Owner
from shared_code.errors import ChangedMeanwhile, Conflict, InvalidRequest, NotFound
from shared_code.operations.access import require_own
from shared_code.operations.quota_states import QuotaState, quota_facts, read_states, version_of
from shared_code.periods import local_day, zone

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database

#: daily and monthly, in model tokens; None = no limit
Limits = tuple[int | None, int | None]
#: says of the current version whether it is the one that the operator saw; None = whichever it is
IfVersion = Callable[[str], bool] | None

_PAGE = 500


@dataclass(frozen=True, slots=True)
class QuotaAdministration:
    """Makes, changes, resets and deletes quotas.

    :ivar clock: the moment (aware, UTC), which decides the running day and month of a company.
    """

    database: "Database"
    default_zone: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def get(self, quota_id: int, *, bound_to: str | None = None) -> QuotaState:
        """One quota.

        :param bound_to: the one company that whoever asks may see; None = all.
        :raises NotFound: there is none of this id, or it was deleted.
        :raises Forbidden: it is no quota of ``bound_to``, or there is none.
        """
        return self.database.read(lambda connection: self._state(connection, _found(connection, quota_id, bound_to)))

    def page(self, *, company_id: str | None, scope: str | None, after_id: int, limit: int) -> list[QuotaState]:
        """Quotas in ascending order of id, after ``after_id``."""

        def work(connection: "Connection") -> list[QuotaState]:
            found = quotas.find_limits(connection, company_id=company_id, scope=scope, after_id=after_id, limit=limit)
            return self._states(connection, found)

        return self.database.read(work)

    def every(self, *, company_id: str | None) -> list[QuotaState]:
        """All quotas, or those of one company, in ascending order of id."""
        found: list[QuotaState] = []
        while page := self.page(
            company_id=company_id, scope=None, after_id=found[-1].quota.quota_id if found else 0, limit=_PAGE
        ):
            found += page
        return found

    def find(self, *, company_id: str, scope: str, subject: str) -> Quota | None:
        """The quota of an owner (``subject`` as :func:`checked_subject` gives it), or None.

        :raises InvalidRequest: this is no company id.
        """
        company = checked_company(company_id)
        return self.database.read(lambda connection: _standing(connection, (company, scope, subject)))

    def add(self, *, company_id: str, scope: str, subject: str | None, limits: Limits, actor: Actor) -> QuotaState:
        """Make a quota with these daily and monthly limits.

        :raises InvalidRequest: a value is malformed, or there is no limit in it.
        :raises Forbidden: it is for another company than the actor's.
        :raises AlreadyExists: the owner has a quota.
        """
        owner = _owner(actor, company_id, scope, subject)
        _check_limits(limits)
        return self.database.run(
            lambda connection: self._store(connection, owner, limits, actor, None, must_be_new=True)
        )

    def set_limits(
        self,
        *,
        company_id: str,
        scope: str,
        subject: str | None,
        limits: Callable[[int | None, int | None], Limits],
        actor: Actor,
    ) -> QuotaState:
        """Make a quota, or change the one that the owner has.

        :param limits: makes the new daily and monthly limit of those that stand (None where there is none).
        :raises InvalidRequest: a value is malformed, or a new quota would have no limit.
        :raises Forbidden: see :meth:`add`.
        :raises Conflict: no limit would be left.
        """
        owner = _owner(actor, company_id, scope, subject)

        def work(connection: "Connection") -> QuotaState:
            standing = _standing(connection, owner)
            if standing is not None:
                held = _held(connection, standing.quota_id, actor, None)
                return self._change(connection, held, limits(held.daily_limit, held.monthly_limit), actor)
            wanted = limits(None, None)
            _check_limits(wanted)
            return self._store(connection, owner, wanted, actor, None)

        return self.database.run(work)

    def change(
        self, quota_id: int, actor: Actor, *, limits: Callable[[Quota], Limits], if_version: IfVersion = None
    ) -> QuotaState:
        """Change the limits of a quota to what ``limits`` makes of it.

        :raises NotFound, InvalidRequest: there is no such quota; a value is malformed.
        :raises Forbidden: the actor is bound to a company that has no such quota.
        :raises Conflict: no limit would be left.
        :raises ChangedMeanwhile: ``if_version`` says no to the current version.
        """

        def work(connection: "Connection") -> QuotaState:
            quota = _held(connection, quota_id, actor, if_version)
            return self._change(connection, quota, limits(quota), actor)

        return self.database.run(work)

    def reset(self, quota_id: int, actor: Actor, *, if_version: IfVersion = None) -> QuotaState:
        """Forget what the running day and month have used; usage rows stay.

        :raises NotFound: there is no such quota.
        :raises Forbidden, ChangedMeanwhile: see :meth:`change`.
        """

        def work(connection: "Connection") -> QuotaState:
            quota = _held(connection, quota_id, actor, if_version)
            before = self._state(connection, quota)
            quota_changes.reset_counters(connection, quota_id, day=self._today(connection, quota.company_id))
            after = self._state(connection, quota)
            _audit(connection, actor, "quota.reset", before, after)
            return after

        return self.database.run(work)

    def delete(self, quota_id: int, actor: Actor, *, if_version: IfVersion = None) -> None:
        """Take the limits away.

        :raises NotFound: there is no such quota.
        :raises Forbidden, ChangedMeanwhile: see :meth:`change`.
        """

        def work(connection: "Connection") -> None:
            quota = _held(connection, quota_id, actor, if_version)
            before = self._state(connection, quota)
            quota_changes.delete_quota(connection, quota, day=self._today(connection, quota.company_id))
            _audit(connection, actor, "quota.delete", before, None)

        self.database.run(work)

    def _change(self, connection: "Connection", quota: Quota, limits: Limits, actor: Actor) -> QuotaState:
        if limits == (None, None):
            raise Conflict("This would leave no limit. To end a quota, delete it.", details={"field": "daily_limit"})
        _check_limits(limits)
        return self._store(connection, (quota.company_id, quota.scope, quota.subject), limits, actor, quota)

    def _store(
        self,
        connection: "Connection",
        owner: Owner,
        limits: Limits,
        actor: Actor,
        earlier: Quota | None,
        *,
        must_be_new: bool = False,
    ) -> QuotaState:
        before = self._state(connection, earlier) if earlier else None
        company, scope, subject = owner
        stored = quota_changes.set_quota(
            connection,
            company_id=company,
            scope=scope,
            subject=subject,
            limits=limits,
            day=self._today(connection, company),
            must_be_new=must_be_new,
        )
        after = self._state(connection, stored)
        _audit(connection, actor, "quota.change" if before else "quota.add", before, after)
        return after

    def _today(self, connection: "Connection", company_id: str) -> date:
        return local_day(self.clock(), zone(company_zones.company_zone(connection, company_id), self.default_zone))

    def _state(self, connection: "Connection", quota: Quota) -> QuotaState:
        return self._states(connection, [quota])[0]

    def _states(self, connection: "Connection", found: Sequence[Quota]) -> list[QuotaState]:
        return read_states(connection, found, now=self.clock(), default_zone=self.default_zone)


def checked_subject(scope: str, subject: str | None) -> str:
    """The owner's name as it is stored; '' for the company itself.

    :raises InvalidRequest: no such scope, a name where none belongs, none where one does, or one that is too long.
    """
    if scope not in quota_scopes.NAMES:
        raise InvalidRequest(f"scope must be one of {', '.join(quota_scopes.NAMES)}.", details={"field": "scope"})
    known = quota_scopes.BY_NAME.get(scope)
    named = checked_text("subject", subject, known.longest if known else 1) or ""
    if (known is None) == bool(named):
        raise InvalidRequest(
            f"subject must be empty for a company, and name the {' or '.join(quota_scopes.BY_NAME)} otherwise.",
            details={"field": "subject"},
        )
    return named


def _owner(actor: Actor, company_id: str, scope: str, subject: str | None) -> Owner:
    """Whose limits are to be made, for an actor who may make them."""
    company = checked_company(company_id)
    require_own(actor.company_id, company)
    return company, scope, checked_subject(scope, subject)


def _check_limits(limits: Limits) -> None:
    if limits == (None, None):
        raise InvalidRequest(
            "Give daily_limit or monthly_limit; to end a quota, delete it.", details={"field": "daily_limit"}
        )
    checked_amount("daily_limit", limits[0], MAX_TOKENS)
    checked_amount("monthly_limit", limits[1], MAX_TOKENS)


def _standing(connection: "Connection", owner: Owner) -> Quota | None:
    """The owner's quota that limits something."""
    company, scope, subject = owner
    found = quotas.find_quotas(connection, company_id=company, scope=scope, subject=subject)
    return next((quota for quota in found if not _empty(quota)), None)


def _found(connection: "Connection", quota_id: int, bound_to: str | None, *, lock: bool = False) -> Quota:
    quota = quotas.get_quota(connection, quota_id, lock=lock)
    if quota is not None and _empty(quota):
        quota = None
    require_own(bound_to, quota.company_id if quota else None)
    if quota is None:
        raise NotFound(f"There is no quota {quota_id}.", details={"field": "quota_id"})
    return quota


def _held(connection: "Connection", quota_id: int, actor: Actor, if_version: IfVersion) -> Quota:
    """The quota, for a change, in the version that the operator saw."""
    quota = _found(connection, quota_id, actor.company_id, lock=True)
    if if_version is not None and not if_version(version_of(quota)):
        raise ChangedMeanwhile
    return quota


def _empty(quota: Quota) -> bool:
    """A deleted quota that keeps its counters for the record."""
    return quota.daily_limit is None and quota.monthly_limit is None


def _audit(
    connection: "Connection", actor: Actor, action: str, before: QuotaState | None, after: QuotaState | None
) -> None:
    known = after or before
    add_audit(
        connection,
        actor,
        action,
        f"quota {known.quota.quota_id}" if known else None,
        before=quota_facts(before) if before else None,
        after=quota_facts(after) if after else None,
    )
