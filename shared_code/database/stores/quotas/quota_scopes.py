"""Whom a quota can limit. One row here is one scope; statements, API models and command-line options are made from it.

A further scope needs a row, and a migration when its column is not yet in TokenUsageLogs, TokenReservations and
UsageDaily. Usage is booked, folded and counted under that column then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from shared_code.database.tables import usage_daily
from shared_code.records import Caller


@dataclass(frozen=True, slots=True)
class QuotaScope:
    """One kind of owner of a quota, other than the company as a whole.

    ``name`` stands in Quotas.Scope, in the API and in options; ``label`` is the field of :class:`Caller` that names
    the owner, and ``column`` holds it in usage rows. ``about`` and ``example`` are for the API's document.
    """

    name: str
    label: str
    column: str
    about: str
    example: Mapping[str, Any]

    @property
    def longest(self) -> int:
        """Characters that the name of an owner can have."""
        length: int = usage_daily.c[self.column].type.length  # type: ignore[attr-defined] # a text column
        return length


#: the scope of the company as a whole, whose quotas have the subject ''
COMPANY = "company"
USER = "user"
#: the scopes whose quotas name an owner within the company
LABELLED = (
    QuotaScope(
        name="branch",
        label="branch",
        column="Branch",
        about="a branch; ``subject`` is its name as uploads give it",
        example={"subject": "RUB", "daily_limit": 200000},
    ),
    QuotaScope(
        name=USER,
        label="username",
        column="RequestedBy",
        about="a user; ``subject`` is the name as uploads give it",
        example={"subject": "bzumah", "daily_limit": 50000},
    ),
)

BY_NAME = {scope.name: scope for scope in LABELLED}
NAMES = (COMPANY, *BY_NAME)
#: columns of usage rows that hold a caller's labels
LABEL_COLUMNS = tuple(scope.column for scope in LABELLED)

_labels = tuple((scope, attrgetter(scope.label)) for scope in LABELLED)


def subjects_of(caller: Caller) -> dict[str, str]:
    """The owner in each labelled scope that a call of ``caller`` counts against; '' where it names none."""
    return {scope.name: label(caller) or "" for scope, label in _labels}


def label_values(caller: Caller) -> dict[str, str | None]:
    """A caller's labels by their columns, for a row."""
    return {scope.column: label(caller) for scope, label in _labels}


def caller_of(row: Any) -> Caller:
    """The caller that a row with CompanyID and the label columns names."""
    return Caller(row.CompanyID, **{scope.label: getattr(row, scope.column) for scope in LABELLED})
