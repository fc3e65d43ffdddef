"""Rows by their age: the newest first in pages, as operators look at them, and the oldest deleted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True, slots=True)
class Expiring:
    """Which rows of a table a retention deletes.

    :ivar key: the primary key of the table; ``moment`` is the column that says how old a row is.
    :ivar is_old: which rows are old, given the moment before which they are; by ``moment`` alone unless given.
    """

    key: Column[Any]
    moment: Column[Any]
    is_old: Callable[[ColumnElement[datetime]], ColumnElement[bool]] | None = None

    def find(self, connection: Connection, *, older_than_days: int, limit: int) -> list[int]:
        """The keys of at most ``limit`` rows that are older by the database's clock: the oldest ones, by key."""
        oldest = select(self.key).where(self._old(older_than_days)).order_by(self.moment).limit(limit)
        return sorted(connection.execute(oldest).scalars())

    def delete(self, connection: Connection, *, older_than_days: int, first: int, last: int) -> int:
        """Delete those with a key from ``first`` to ``last``; returns how many."""
        statement = delete(self.key.table).where(self.key.between(first, last), self._old(older_than_days))
        return connection.execute(statement).rowcount

    def _old(self, days: int) -> ColumnElement[bool]:
        before = utc_in(-days * _SECONDS_PER_DAY)
        return self.moment < before if self.is_old is None else self.is_old(before)
