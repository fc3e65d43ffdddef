"""Says in the log what an old database holds that people should look at. Changes nothing and fails nothing."""

import logging
from collections import Counter, defaultdict
from typing import Any

import sqlalchemy as sa

from shared_code.records import KeyStatus, Provider

_log = logging.getLogger(__name__)


def report(connection: sa.Connection, schema: str | None) -> None:
    """Warn of duplicate summary rows, equal keys, negative limits, unreadable statuses and providers, by token id."""
    master = sa.table(
        "TokenMaster",
        *map(sa.column, ("TokenID", "CompanyID", "ApiKey", "Provider", "TotalTokenLimit", "Status")),
        schema=schema,
    )
    rows = connection.execute(sa.select(master).order_by(master.c.TokenID)).all()
    for company, token_ids in _equal_keys(rows):
        _warn("Tokens %s of company %s hold the same API key; disable all but one", token_ids, company)
    _warn(
        "Tokens %s have a negative limit, which leaves no room for any call; set a limit, or NULL for none",
        [row.TokenID for row in rows if (row.TotalTokenLimit or 0) < 0],
    )
    _warn(
        "Tokens %s have an unknown or no status and are not used",
        [row.TokenID for row in rows if KeyStatus.parse(row.Status) is None],
    )
    _warn(
        "Tokens %s have an unknown provider and are not used",
        [row.TokenID for row in rows if Provider.parse(row.Provider) is None],
    )
    summary = sa.table("TokenUsageSummary", sa.column("TokenID"), schema=schema)
    counts = Counter(connection.execute(sa.select(summary.c.TokenID)).scalars())
    _warn(
        "Tokens %s have several summary rows; their use is added up in one",
        sorted(token_id for token_id, count in counts.items() if count > 1 and token_id is not None),
    )


def _equal_keys(rows: Any) -> list[tuple[str, list[int]]]:
    same: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for row in rows:
        if (row.ApiKey or "").strip():
            same[(row.CompanyID or "").strip().upper(), row.ApiKey.strip()].append(row.TokenID)
    return [(company, token_ids) for (company, _), token_ids in same.items() if len(token_ids) > 1]


def _warn(message: str, token_ids: list[int], *more: object) -> None:
    shown = 20
    if token_ids:
        rest = f" and {len(token_ids) - shown} more" if len(token_ids) > shown else ""
        _log.warning(message, ", ".join(map(str, token_ids[:shown])) + rest, *more)
