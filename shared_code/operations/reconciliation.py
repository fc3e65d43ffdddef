"""The one correction of running totals by operators, with its audit row."""

from typing import TYPE_CHECKING

from shared_code.database.connection import repeatable
from shared_code.database.stores.operations.admin_audit import Actor, add_audit
from shared_code.database.stores.usage import reconciliation
from shared_code.database.stores.usage.reconciliation import Discrepancy

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database


def repair(database: "Database", token_id: int, actor: Actor) -> Discrepancy | None:
    """Make a key's running total what was booked; the difference that was found, or None when they agree by now."""

    def work(connection: "Connection") -> Discrepancy | None:
        found = reconciliation.repair(connection, token_id)
        if found is not None:
            before, after = {"used_tokens": found.recorded}, {"used_tokens": found.booked}
            add_audit(connection, actor, "usage.repair", f"token {token_id}", before=before, after=after)
        return found

    return database.run(work, on_unknown=repeatable)
