"""Which readings of a company a person looks at: columns of CompanySettings."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, String, bindparam, insert, select, update

from shared_code.database.clock import utc_now
from shared_code.database.company_case import same_company
from shared_code.database.tables import company_settings

table = company_settings

NEEDS_REVIEW = "needs_review"
EVERYTHING = "everything"
NEVER = "never"
MODES = (NEEDS_REVIEW, EVERYTHING, NEVER)


@dataclass(frozen=True, slots=True)
class ReviewRule:
    """The rule of a company.

    :ivar mode: what asks for a person: the readings that need_review, everything, or never anything.
    :ivar above_amount: beside the mode, invoices above it, in the invoice's own currency.
    :ivar first_of_seller: beside the mode, readings of a seller until so many were decided.
    """

    mode: str = NEEDS_REVIEW
    above_amount: Decimal | None = None
    first_of_seller: int | None = None


#: of a company that has none of its own
DEFAULT_RULE = ReviewRule()

_FIND = select(table.c.ReviewMode, table.c.ReviewAboveAmount, table.c.ReviewFirstOfSeller).where(
    same_company(table.c.CompanyID, bindparam("company", type_=String(50))), table.c.ReviewMode.is_not(None)
)


def find_rule(connection: Connection, company_id: str) -> ReviewRule:
    """The rule of a company (in upper case), or the default one."""
    row = connection.execute(_FIND, {"company": company_id}).first()
    return DEFAULT_RULE if row is None else ReviewRule(*row)


def write_rule(connection: Connection, company_id: str, rule: ReviewRule) -> None:
    """Set the rule of a company; one without a row of settings gets one."""
    values: dict[str, Any] = {
        "ReviewMode": rule.mode,
        "ReviewAboveAmount": rule.above_amount,
        "ReviewFirstOfSeller": rule.first_of_seller,
        "UpdatedAt": utc_now(),
    }
    where = same_company(table.c.CompanyID, company_id)
    if connection.execute(update(table).where(where).values(values)).rowcount == 0:
        # Without a time zone of its own: the default one counts.
        connection.execute(insert(table).values(CompanyID=company_id, TimeZone="", **values))
