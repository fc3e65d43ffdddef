"""Rows by their age: the newest first in pages, as operators look at them, and the oldest deleted."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, delete, select

from shared_code.database.clock import utc_in

_SECONDS_PER_DAY = 86_400


def matching(statement: Select[Any], wanted: Mapping[Column[Any], Any]) -> Select[Any]:
    """The statement for rows whose columns hold these values; None asks for nothing."""
    for column, value in wanted.items():
        if value is not None:
            statement = statement.where(column == value)
    return statement


def newest(statement: Select[Any], key: Column[Any], *, before_id: int | None, limit: int) -> Select[Any]:
    """The statement for up to ``limit`` rows, newest first; ``before_id`` is the key at which the last page ended."""
    if before_id is not None:
        statement = statement.where(key < before_id)
    return statement.order_by(key.desc()).limit(limit)


def delete_oldest(
    connection: Connection,
    key: Column[Any],
    moment: Column[Any],
    *conditions: ColumnElement[bool],
    older_than_days: int,
    limit: int,
) -> int:
    """Delete at most ``limit`` rows that are older by the database's clock; returns how many.

    :param key: the primary key of the table; ``moment`` is the column that says how old a row is.
    :param conditions: what must hold for a row besides.
    """
    oldest = (
        select(key)
        .where(moment < utc_in(-older_than_days * _SECONDS_PER_DAY), *conditions)
        .order_by(moment)
        .limit(limit)
    )
    return connection.execute(delete(key.table).where(key.in_(oldest))).rowcount
