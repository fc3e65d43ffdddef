"""Who may do what over the admin API: one matrix of roles and actions, and what a bound login is kept to.

A login is an admin key or a user of the platform's authentication; either can be bound to one company. The matrix
stands for people in ``docs/access.md``, with the addresses of each action.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from shared_code.database.stores.operations.admin_keys import AdminRole
from shared_code.errors import Forbidden


class Action(StrEnum):
    """What can be done. Each address of the admin API names one."""

    SEE_REPORTS = "see reports"
    SEE_READINGS = "see readings"
    REVIEW_READINGS = "review readings"
    SET_REVIEW_RULES = "set review rules"
    TRY_DOCUMENTS = "try documents"
    ERASE_READINGS = "erase readings"
    SEE_ALERTS = "see alerts"
    CHANGE_KEYS = "change keys"
    CHANGE_QUOTAS = "change quotas"
    CHANGE_WEBHOOKS = "change webhooks"
    OPERATE = "operate the service"
    SEE_AUDIT = "see the audit"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may do one action.

    :ivar lowest: the first role that may; those above it may too.
    :ivar own_company: a login that is bound to a company may do it for that company. Otherwise the action is about the
        whole service, and no bound login may.
    """

    lowest: AdminRole
    own_company: bool


MATRIX: Mapping[Action, Rule] = MappingProxyType(
    {
        Action.SEE_REPORTS: Rule(AdminRole.VIEWER, own_company=True),
        Action.SEE_READINGS: Rule(AdminRole.REVIEWER, own_company=True),
        Action.REVIEW_READINGS: Rule(AdminRole.REVIEWER, own_company=True),
        Action.SET_REVIEW_RULES: Rule(AdminRole.OPERATOR, own_company=True),
        Action.TRY_DOCUMENTS: Rule(AdminRole.OPERATOR, own_company=True),
        Action.ERASE_READINGS: Rule(AdminRole.ADMIN, own_company=True),
        Action.SEE_ALERTS: Rule(AdminRole.VIEWER, own_company=False),
        Action.CHANGE_KEYS: Rule(AdminRole.OPERATOR, own_company=True),
        Action.CHANGE_QUOTAS: Rule(AdminRole.OPERATOR, own_company=True),
        Action.CHANGE_WEBHOOKS: Rule(AdminRole.OPERATOR, own_company=True),
        Action.OPERATE: Rule(AdminRole.OPERATOR, own_company=False),
        Action.SEE_AUDIT: Rule(AdminRole.ADMIN, own_company=False),
    }
)


def require(role: AdminRole, bound_to: str | None, action: Action) -> None:
    """Let pass who may do ``action``, for some company at least.

    :param bound_to: the one company of the login; None = all.
    :raises Forbidden: the role is too low, or the action is about the whole service and the login is bound.
    """
    rule = MATRIX[action]
    if not role.includes(rule.lowest):
        raise Forbidden(f"This needs the role {rule.lowest.value}; yours is {role.value}.")
    if bound_to is not None and not rule.own_company:
        raise Forbidden("This is about the whole service; your login is bound to one company.")


def require_own(bound_to: str | None, company_id: str | None) -> None:
    """Keep a bound login from what belongs to others. What does not exist (None) is answered the same.

    :param bound_to: the one company of the login, in upper case; None = all.
    :raises Forbidden: it belongs to another company, or to none.
    """
    if bound_to is not None and (company_id or "").upper() != bound_to:
        raise Forbidden("Your login is bound to one company, and this does not belong to it.")
