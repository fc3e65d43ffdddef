"""What the end of a reading has to know of its company and of its document, in one statement."""

from dataclasses import dataclass

from sqlalchemy import Connection, String, bindparam, literal, select

from shared_code.database.company_case import same_company
from shared_code.database.stores.extractions.readings import ReadingHead
from shared_code.database.stores.lock_order import OLDEST
from shared_code.database.stores.prepared import Prepared
from shared_code.database.stores.reviews.review_rules import DEFAULT_RULE, ReviewRule
from shared_code.database.tables import company_settings

table = company_settings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a reading ends.

    :ivar rule: which readings of its company a person looks at.
    :ivar has_receiver: whether somebody is told of what happens to the company's readings.
    :ivar read_before: whether the document has another reading. Nobody holds it yet.
    """

    rule: ReviewRule
    has_receiver: bool
    read_before: bool


_always = select(literal(1).label("One")).subquery()
_FIND = Prepared(
    select(
        table.c.ReviewMode,
        table.c.ReviewAboveAmount,
        table.c.ReviewFirstOfSeller,
        table.c.WebhookUrl,
        OLDEST.scalar_subquery().label("Oldest"),
    ).select_from(
        # A company without a row of settings has documents all the same.
        _always.outerjoin(table, same_company(table.c.CompanyID, bindparam("settings_of", type_=String(50))))
    )
)


def surroundings(connection: Connection, head: ReadingHead) -> Surroundings:
    """Where a reading ends that was written just now."""
    wanted = {
        "settings_of": head.company_id.upper(),
        "company": head.company_id,
        "document": head.document_sha256,
        "own": head.reading_id,
    }
    # Several rows only where the same company was typed in by SQL in capitals and in small letters.
    rows = _FIND.rows(connection, wanted)
    rules = (ReviewRule(*row[:3]) for row in rows if row.ReviewMode is not None)
    return Surroundings(
        rule=next(rules, DEFAULT_RULE),
        has_receiver=any(row.WebhookUrl is not None for row in rows),
        read_before=rows[0].Oldest is not None,
    )
