"""What the second reader found after the answer of a reading had gone; it is kept beside the result.

The result itself never changes: what is thought of its values, and where they stand, is stored in columns of its own.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, String, bindparam, update

from shared_code.database.stores.extractions.readings import DONE
from shared_code.database.tables import extractions
from shared_code.database.text_columns import fitting

table = extractions

#: the version of the evidence with a late finding; without one it is 1, for which nothing is stored
LATE_VERSION = 2


@dataclass(frozen=True, slots=True)
class LateFinding:
    """What takes the place of the first verdict.

    :ivar status: of the reading, as operators see it in lists.
    :ivar verdict: status, warnings and confidence of the reading and of each invoice, as JSON text.
    :ivar evidence: compressed, in base64.
    """

    status: str
    verdict: str
    evidence: str | None


def judged_result(result: str, late_verdict: str | None) -> dict[str, Any]:
    """A stored result, with what a late finding thinks of it instead of the first verdict."""
    data: dict[str, Any] = json.loads(result)
    if late_verdict is None:
        return data
    late = json.loads(late_verdict)
    invoices = [{**one, **judged} for one, judged in zip(data["invoices"], late["invoices"], strict=True)]
    return {**data, **late, "invoices": invoices}


# Only whoever finds a result and no late finding writes: one that was erased meanwhile gets nothing.
_ADD = (
    update(table)
    .where(
        table.c.PublicID == bindparam("wanted", type_=String(36)),
        table.c.State == DONE,
        table.c.Result.is_not(None),
        table.c.ErasedAt.is_(None),
        table.c.EvidenceVersion.is_(None),
    )
    .values(
        Status=bindparam("new_Status", type_=table.c.Status.type),
        LateVerdict=bindparam("new_LateVerdict", type_=table.c.LateVerdict.type),
        Evidence=bindparam("new_Evidence", type_=table.c.Evidence.type),
        EvidenceVersion=bindparam("new_EvidenceVersion", type_=table.c.EvidenceVersion.type),
    )
)


def add_late_finding(connection: Connection, reading_id: str, found: LateFinding) -> bool:
    """Store it with a reading; False when the reading is erased, is not stored yet, or has one already."""
    values = {
        "wanted": reading_id,
        "new_Status": found.status,
        "new_LateVerdict": fitting(found.verdict),
        "new_Evidence": None if found.evidence is None else base64.b64decode(found.evidence),
        "new_EvidenceVersion": LATE_VERSION,
    }
    return connection.execute(_ADD, values).rowcount == 1
