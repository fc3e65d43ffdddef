"""One declaration per parameter on Azure SQL, whatever the value: the column's type, not the value's length.

Left alone, the driver declares each value as long as it is (``varchar(5)``, ``varchar(9)``, ``numeric(1,0)``). Azure
SQL keeps a plan per declaration, so that each company, user and branch would fill its cache with plans of their own;
and for a NULL the driver asks the server for the type, which costs another round trip.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Engine, event
from sqlalchemy import types as sa
from sqlalchemy.engine import ExecutionContext

_MAX_VARCHAR, _MAX_NVARCHAR = 8000, 4000
_MAX_BIGINT = 2**63 - 1
#: digits after the point where a column names none
_SCALE = 8
_MAX_PRECISION = 38

#: pyodbc's SQL type, column size, digits after the point
Size = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Declaration:
    """How a parameter goes out.

    :ivar size: for ``cursor.setinputsizes``.
    :ivar fits: whether a value that is not NULL can go out so; the driver refuses one that is too long.
    :ivar wider: for text that does not fit, the next declaration to try.
    """

    size: Size
    fits: Callable[[Any], bool]
    wider: "Declaration | None" = None


def listen(engine: Engine, driver: Any) -> None:
    """Declare the parameters of every statement that this engine runs and that SQLAlchemy compiled.

    :param driver: the module pyodbc.
    """

    @lru_cache(maxsize=2000)
    def declaration(type_: sa.TypeEngine[Any]) -> Declaration:
        return _declaration(type_, driver)

    def declare(
        sizes: dict[BindParameter[Any], Any], _cursor: Any, _statement: str, _parameters: Any, context: Any
    ) -> None:
        names = context.compiled.bind_names
        for parameter in sizes:
            if isinstance(parameter.type, sa.TupleType):
                continue
            wanted: Declaration | None = declaration(parameter.type)
            values = _values(names[parameter], context.compiled_parameters)
            while wanted is not None and not all(value is None or wanted.fits(value) for value in values):
                wanted = wanted.wider
            # None: the driver declares a value that fits nowhere by itself, and the server refuses it by name.
            sizes[parameter] = None if wanted is None else wanted.size

    def type_nulls(
        _connection: Connection,
        _cursor: Any,
        statement: str,
        parameters: Any,
        context: ExecutionContext | None,
        _executemany: Any,
    ) -> tuple[str, Any]:
        if getattr(context, "compiled", None) is None or getattr(context, "is_text", True):
            return statement, parameters
        return statement, _typed(parameters, driver.BinaryNull)

    event.listen(engine, "do_setinputsizes", declare)
    event.listen(engine, "before_cursor_execute", type_nulls, retval=True)


def _typed(parameters: Any, null: Any) -> Any:
    """The parameters of one row or of several, with pyodbc's NULL that takes the declared type and asks nobody."""
    if isinstance(parameters, list):
        return [_typed(row, null) for row in parameters]
    return tuple(null if value is None else value for value in parameters)


def _values(name: str, rows: Iterable[dict[str, Any]]) -> list[Any]:
    """What one parameter holds in all rows; the members of an IN list each."""
    found: list[Any] = []
    for row in rows:
        value = row.get(name)
        found += value if isinstance(value, list | tuple | set | frozenset) else (value,)
    return found


def _declaration(type_: sa.TypeEngine[Any], driver: Any) -> Declaration:
    if isinstance(type_, sa.TypeDecorator):
        return _declaration(type_.impl_instance, driver)
    for kind, declare in _KINDS:
        if isinstance(type_, kind):
            return declare(type_, driver)
    # Of no known type: text that is absent converts to any other.
    return _up_to(driver.SQL_WVARCHAR, _MAX_NVARCHAR, wider=None)


def _text(type_: sa.String, driver: Any) -> Declaration:
    length = type_.length
    # Without a length it costs another round trip, so only where a length cannot say it.
    unicode = Declaration((driver.SQL_WVARCHAR, 0, 0), lambda value: isinstance(value, str))
    unicode = _up_to(driver.SQL_WVARCHAR, _MAX_NVARCHAR, wider=unicode)
    if isinstance(type_, sa.Unicode | sa.UnicodeText):
        return (
            unicode if length is None or length > _MAX_NVARCHAR else _up_to(driver.SQL_WVARCHAR, length, wider=unicode)
        )
    # Columns of codes hold ASCII, but anything may be looked up there, and no code page has every character.
    codes = Declaration((driver.SQL_VARCHAR, 0, 0), _is_ascii, unicode)
    codes = _codes_up_to(driver.SQL_VARCHAR, _MAX_VARCHAR, wider=codes)
    return codes if length is None or length > _MAX_VARCHAR else _codes_up_to(driver.SQL_VARCHAR, length, wider=codes)


def _up_to(kind: int, length: int, *, wider: Declaration | None) -> Declaration:
    return Declaration((kind, length, 0), lambda value: isinstance(value, str) and _units(value) <= length, wider)


def _codes_up_to(kind: int, length: int, *, wider: Declaration) -> Declaration:
    return Declaration((kind, length, 0), lambda value: _is_ascii(value) and len(value) <= length, wider)


def _is_ascii(value: Any) -> bool:
    return isinstance(value, str) and value.isascii()


def _units(value: str) -> int:
    """Length as the server counts it: in UTF-16 units."""
    return len(value) if value.isascii() else len(value.encode("utf-16-le", "surrogatepass")) // 2


def _flag(_type: Any, driver: Any) -> Declaration:
    return Declaration((driver.SQL_BIT, 0, 0), lambda value: isinstance(value, int))


def _integer(_type: Any, driver: Any) -> Declaration:
    # Of one family with INT columns, whose indexes serve it; a number beyond INT is then no error.
    size = (driver.SQL_BIGINT, 0, 0)
    return Declaration(size, lambda value: isinstance(value, int) and abs(value) <= _MAX_BIGINT)


def _float(_type: Any, driver: Any) -> Declaration:
    return Declaration((driver.SQL_DOUBLE, 0, 0), lambda value: isinstance(value, int | float))


def _decimal(type_: Any, driver: Any) -> Declaration:
    precision = type_.precision or _MAX_PRECISION
    scale = _SCALE if type_.scale is None else type_.scale
    return Declaration((driver.SQL_DECIMAL, precision, scale), lambda value: _is_decimal(value, precision, scale))


def _moment(_type: Any, driver: Any) -> Declaration:
    return Declaration((driver.SQL_TYPE_TIMESTAMP, 26, 6), lambda value: isinstance(value, datetime))


def _day(_type: Any, driver: Any) -> Declaration:
    return Declaration((driver.SQL_TYPE_DATE, 10, 0), _is_day)


def _bytes(_type: Any, driver: Any) -> Declaration:
    # Of no length: without a declaration a NULL would go out as text, which the server does not convert.
    return Declaration((driver.SQL_VARBINARY, 0, 0), lambda value: isinstance(value, bytes | bytearray | memoryview))


def _is_decimal(value: Any, precision: int, scale: int) -> bool:
    if isinstance(value, float) or not isinstance(value, int | Decimal):
        return False
    number = Decimal(value)
    try:
        return abs(number) < 10 ** (precision - scale) and number == round(number, scale)
    except InvalidOperation:
        return False


def _is_day(value: Any) -> bool:
    return isinstance(value, date) and (not isinstance(value, datetime) or value.time() == time())


#: the first that a type belongs to
_KINDS: tuple[tuple[type[Any], Callable[[Any, Any], Declaration]], ...] = (
    (sa.String, _text),
    (sa.Boolean, _flag),
    (sa.Integer, _integer),
    (sa.Float, _float),
    (sa.Numeric, _decimal),
    (sa.DateTime, _moment),
    (sa.Date, _day),
    (sa.LargeBinary, _bytes),
)
