"""The companies' accounts: zones, keys, receivers and rules of reviews at the beginning, limits at the end."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from shared_code.database.stores.demo import past
from shared_code.database.stores.keys import tokens
from shared_code.database.stores.keys.token_keys import NewToken
from shared_code.database.stores.reviews.review_rules import EVERYTHING, NEEDS_REVIEW, ReviewRule
from shared_code.demo.companies import ALQASR, COMPANIES, KAVERI, NORDWIND, company_of
from shared_code.demo.keys import KEYS, DemoKey, TokenIds
from shared_code.demo.parts import OPERATOR, Parts
from shared_code.demo.usage import DAYS
from shared_code.operations.companies import set_zone
from shared_code.records import KeyStatus
from shared_code.reviews.rules import ReviewRules

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: an expired key has ended by itself
_BY_PERSONS = (KeyStatus.DISABLED, KeyStatus.BLOCKED)
_RULES = {
    NORDWIND: ReviewRule(NEEDS_REVIEW),
    KAVERI: ReviewRule(NEEDS_REVIEW, above_amount=Decimal(150_000)),
    ALQASR: ReviewRule(EVERYTHING),
}
_RECEIVERS = {
    NORDWIND: "https://erp.nordwind.example/invoices",
    KAVERI: "https://books.kaveri.example/events",
}
#: scope, subject, daily and monthly limit
_LIMITS: tuple[tuple[str, str, str | None, int | None, int | None], ...] = (
    (NORDWIND, "company", None, 400_000, 9_000_000),
    (NORDWIND, "branch", "Hamburg", None, 3_000_000),
    (NORDWIND, "user", "j.petersen", 120_000, None),
    (KAVERI, "company", None, None, 3_600_000),
    (KAVERI, "branch", "Mysuru", 150_000, None),
    (ALQASR, "company", None, 140_000, 1_650_000),
    (ALQASR, "user", "ليلى حداد", 90_000, None),
)


#: what an operator does is not all done at one time of the day
_SPREAD = 7.31


def at(parts: Parts, days: float, work: Callable[[], Any]) -> Any:
    """Do something as if it had been done so many days ago; what it returns."""
    marks = parts.database.read(past.marks)
    done = work()
    moment = parts.ago(days=days, hours=days * _SPREAD % 9)
    parts.database.run(lambda connection: past.move_since(connection, marks, moment))
    return done


def open_accounts(parts: Parts, used: Callable[[DemoKey], tuple[int, float]]) -> TokenIds:
    """Zones, keys, receivers and rules, in the order of their days; returns the ids of the keys.

    :param used: model tokens of a key in all, and a day of late; they decide its limit.
    """
    ids: dict[DemoKey, int] = {}
    for days, work in sorted(_steps(parts, used, ids), key=lambda step: -step[0]):
        at(parts, days, work)
    parts.database.run(lambda connection: _pass_by(connection, parts, ids))
    return ids


type _Step = tuple[float, Callable[[], Any]]


def _steps(parts: Parts, used: Callable[[DemoKey], tuple[int, float]], ids: dict[DemoKey, int]) -> Iterator[_Step]:
    for company in COMPANIES:
        yield DAYS + 1, partial(set_zone, parts.database, company.company_id, company.zone, OPERATOR)
    for key in KEYS:
        yield key.since, partial(_add, parts, key, key.limit(*used(key)), ids)
        if key.status in _BY_PERSONS:
            yield key.until - 1, partial(_end, parts, key, ids)
    rules = ReviewRules(parts.database)
    for number, (company_id, rule) in enumerate(_RULES.items()):
        yield 60 - number, partial(rules.set_rule, company_id, rule, OPERATOR)
    for number, (company_id, url) in enumerate(_RECEIVERS.items()):
        yield 45 - number, partial(parts.webhooks.set_receiver, company_id, url=url, events=None, actor=OPERATOR)


def _add(parts: Parts, key: DemoKey, limit: int | None, ids: dict[DemoKey, int]) -> None:
    new = NewToken(
        key.company_id,
        key.secret,
        company_name=company_of(key.company_id).name,
        provider=key.provider.value,
        total_token_limit=limit,
        threshold=50_000,
        status=KeyStatus.EXPIRED.value if key.status is KeyStatus.EXPIRED else KeyStatus.ACTIVE.value,
        expires_at=parts.ago(days=key.until) if key.status is KeyStatus.EXPIRED else None,
    )
    token_id = ids[key] = parts.tokens.add(new, OPERATOR).token_id
    parts.database.run(lambda connection: past.move_key(connection, token_id, parts.ago(days=key.since)))


def _end(parts: Parts, key: DemoKey, ids: Mapping[DemoKey, int]) -> None:
    parts.tokens.set_status(ids[key], key.status, OPERATOR)


def _pass_by(connection: "Connection", parts: Parts, ids: TokenIds) -> None:
    """What no person does: keys rest when their vendor asks for it."""
    for key, token_id in ids.items():
        if key.rests_minutes:
            tokens.set_cooldown(connection, token_id, parts.ago(hours=-key.rests_minutes / 60))


def set_limits(parts: Parts) -> None:
    """Limits of companies, branches and users, which count what was used before them."""
    for number, (company_id, scope, subject, daily, monthly) in enumerate(_LIMITS):
        limits = (daily, monthly)
        work = partial(
            parts.quotas.add, company_id=company_id, scope=scope, subject=subject, limits=limits, actor=OPERATOR
        )
        at(parts, 25 - 3 * number, work)
