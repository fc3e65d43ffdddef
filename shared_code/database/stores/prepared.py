"""Statements that every upload runs: compiled once, and handed to the driver without most of SQLAlchemy's work.

SQLAlchemy's share of such a statement is several times the database's own. What it does for one is done here too, with
its own parts: values pass through the processors of their types, listeners are told of the statement, and an error goes
through its handling, so that it is translated, and the connection given up where it is dead.

On Azure SQL they are run by SQLAlchemy: its driver is to be told the type of each parameter, see
:mod:`shared_code.database.drivers.parameter_types`.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Select, Update
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

Statement = Select[Any] | Insert | Update | Delete
Values = dict[str, Any]


class Prepared:
    """One statement. Each value that differs from call to call is a ``bindparam``; columns of a result have names."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        #: by the kind of database
        self._forms: dict[str, _Form] = {}

    def rows(self, connection: Connection, values: Values) -> Sequence[Any]:
        """What a SELECT finds: tuples, whose columns are attributes as well."""
        form = self._form(connection.dialect)
        if form is None:
            return connection.execute(self.statement, values).all()
        return form.rows(connection, form.parameters(values))

    def first(self, connection: Connection, values: Values) -> Any:
        """The first row that a SELECT finds, or None."""
        return next(iter(self.rows(connection, values)), None)

    def changed(self, connection: Connection, values: Values) -> int:
        """Run an INSERT, UPDATE or DELETE; how many rows it has written."""
        form = self._form(connection.dialect)
        if form is None:
            return connection.execute(self.statement, values).rowcount
        return form.write(connection, form.parameters(values))

    def changed_by_each(self, connection: Connection, many: Sequence[Values]) -> int:
        """Run it once for each, in their order; how many rows all have written. PostgreSQL is asked once for all."""
        form = self._form(connection.dialect)
        if form is None:
            # Its driver counts the rows of the last one only.
            return sum(connection.execute(self.statement, values).rowcount for values in many)
        return form.write(connection, [form.parameters(values) for values in many], many=True)

    def run_each(self, connection: Connection, many: Sequence[Values]) -> None:
        """Run it once for each, in their order. Every database is asked once for all."""
        form = self._form(connection.dialect)
        if form is None:
            connection.execute(self.statement, many)
        else:
            form.write(connection, [form.parameters(values) for values in many], many=True)

    def _form(self, dialect: Dialect) -> "_Form | None":
        if dialect.name == "mssql":
            return None
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _Form(self.statement, dialect)
        return form


class _Execution:
    """What listeners and SQLAlchemy's handling of errors ask of the execution of a statement."""

    def __init__(self, dialect: Dialect, *, executemany: bool) -> None:
        self.dialect = dialect
        self.executemany = executemany

    def handle_dbapi_exception(self, _error: BaseException) -> None:
        """There is nothing to do."""


class _Form:
    """A statement as one kind of database takes it."""

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        self._dialect = dialect
        self._text = compiled.string
        self._fixed: dict[str, Any] = {}
        self._converted: list[tuple[str, Callable[[Any], Any]]] = []
        for name, parameter in compiled.binds.items():
            convert = parameter.type.dialect_impl(dialect).bind_processor(dialect)
            if not parameter.required:
                self._fixed[name] = convert(parameter.effective_value) if convert else parameter.effective_value
            elif convert:
                self._converted.append((name, convert))
        self._order = compiled.positiontup if compiled.positional else None
        self._columns = list(statement.selected_columns) if isinstance(statement, Select) else []
        self._row = _row_of([column.key or "" for column in self._columns])
        self._readers: list[Callable[[Any], Any] | None] | None = None

    def parameters(self, values: Values) -> Any:
        """Values as the driver takes them."""
        named = self._fixed | values
        for name, convert in self._converted:
            named[name] = convert(named[name])
        return named if self._order is None else tuple([named[name] for name in self._order])

    def rows(self, connection: Connection, parameters: Any) -> list[Any]:
        """Run the statement; what it has found."""
        described, rows = self._run(connection, parameters, _fetch)
        if self._readers is None:
            self._readers = [
                column.type.dialect_impl(self._dialect).result_processor(self._dialect, kind)
                for column, (_, kind, *_rest) in zip(self._columns, described, strict=True)
            ]
        if any(self._readers):
            rows = [
                [value if read is None else read(value) for read, value in zip(self._readers, row, strict=True)]
                for row in rows
            ]
        return list(map(self._row._make, rows))

    def write(self, connection: Connection, parameters: Any, *, many: bool = False) -> int:
        """Run the statement, in the transaction that is open or in a new one; how many rows it has written."""
        if not connection.in_transaction():
            connection.begin()
        return self._run(connection, parameters, _count, many=many)

    def _run[T](self, connection: Connection, parameters: Any, end: Callable[[Any], T], *, many: bool = False) -> T:
        execution: Any = _Execution(connection.dialect, executemany=many)
        listeners, cursor = connection.dispatch, None
        try:
            cursor = connection.connection.cursor()
            for tell in listeners.before_cursor_execute:
                tell(connection, cursor, self._text, parameters, execution, many)
            if many:
                cursor.executemany(self._text, parameters)
            else:
                cursor.execute(self._text, parameters)
            listeners.after_cursor_execute(connection, cursor, self._text, parameters, execution, many)
            return end(cursor)
        except BaseException as error:  # as SQLAlchemy does, for which an interruption leaves a connection of no use
            # It raises. There is no public way to its translation of errors and its listeners to them.
            connection._handle_dbapi_exception(error, self._text, parameters, cursor, execution)  # noqa: SLF001
            raise


def _fetch(cursor: Any) -> tuple[Any, Iterable[Any]]:
    """What the columns are, and the rows."""
    described, rows = cursor.description, cursor.fetchall()
    cursor.close()
    return described, rows


def _count(cursor: Any) -> int:
    count: int = cursor.rowcount
    cursor.close()
    return count


def _row_of(columns: list[str]) -> Any:
    """A kind of tuple whose items are attributes as well."""
    return namedtuple("Row", columns)  # noqa: PYI024 - its names are those of a statement
