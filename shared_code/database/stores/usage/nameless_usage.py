"""Usage of an erased document: its rows lose their names, and no amount of tokens changes.

UsageDaily has one row for a user's day with a model. The document's share moves from there to the row of that day
without names, so that a name goes with the last document that stands behind it.
"""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from shared_code.database.stores.extractions.erased_readings import NAMELESS, DocumentKey, booked_as
from shared_code.database.stores.quotas.quota_scopes import LABEL_COLUMNS
from shared_code.database.stores.usage import fold_statements as statements
from shared_code.database.stores.usage.fold_statements import AMOUNTS, COST_UNITS, KEY
from shared_code.database.tables import token_usage_logs, usage_daily

logs = token_usage_logs
daily = usage_daily

#: amounts that are compared; the cost, which is a fraction, is moved only
_COUNTS = tuple(name for name in AMOUNTS if name != "CostUnits")
_NAMED = or_(*(logs.c[name].is_not(None) for name in LABEL_COLUMNS))


def take_names(connection: Connection, document: DocumentKey) -> None:
    """Take the names out of the usage rows of a document, and its share out of the days under these names."""
    of_document = and_(*booked_as(document))
    # Held, so that no fold carries a name into UsageDaily while the names go.
    connection.execute(update(logs).where(of_document).values(FoldedAt=logs.c.FoldedAt))
    folded = connection.execute(
        select(
            logs.c.LocalDay,
            func.upper(logs.c.CompanyID).label("CompanyID"),
            *statements.ROW_LABELS,
            *statements.ROW_AMOUNTS,
        ).where(of_document, _NAMED, logs.c.FoldedAt.is_not(None), logs.c.LocalDay.is_not(None))
    ).all()
    connection.execute(update(logs).where(of_document).values(NAMELESS))
    sums: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * len(AMOUNTS))
    for row in folded:
        facts = row._mapping  # noqa: SLF001 - SQLAlchemy's public name
        total = sums[tuple(facts[name] for name in KEY)]
        for place, name in enumerate(AMOUNTS):
            total[place] += int(facts[name])
    for key, amounts in sorted(sums.items()):
        _move_day(connection, dict(zip(KEY, key, strict=True)), dict(zip(AMOUNTS, amounts, strict=True)))


def _move_day(connection: Connection, key: dict[str, Any], amounts: dict[str, int]) -> None:
    """Move these amounts of a row to the place of use without names; a row of which nothing is left goes.

    A row that holds less was changed by hand, and stays.
    """
    of_key = [daily.c[name] == value for name, value in key.items()]
    row = connection.execute(select(daily).where(*of_key)).first()
    held = None if row is None else {name: row._mapping[name] for name in (*_COUNTS, "CostUSD")}  # noqa: SLF001 - SQLAlchemy's public name
    if held is None or any(held[name] < amounts[name] for name in _COUNTS):
        return
    same = [daily.c[name] == amounts[name] for name in _COUNTS]
    if connection.execute(delete(daily).where(*of_key, *same)).rowcount == 1:
        moved = held  # with what rounding has added to its cost
    else:
        moved = {name: amounts[name] for name in _COUNTS} | {"CostUSD": Decimal(amounts["CostUnits"]) / COST_UNITS}
        connection.execute(statements.ADD_TO_KEY, _parameters(key, {name: -value for name, value in moved.items()}))
    nameless = key | dict.fromkeys(LABEL_COLUMNS, "")
    if connection.execute(statements.ADD_TO_KEY, _parameters(nameless, moved)).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(daily).values(**nameless, **moved))
    except IntegrityError:  # a fold has just made it
        connection.execute(statements.ADD_TO_KEY, _parameters(nameless, moved))


def _parameters(key: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    return {f"key_{name}": value for name, value in key.items()} | {
        f"add_{name}": value for name, value in added.items()
    }
