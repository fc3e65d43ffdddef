"""Fields that several routes share: paging, ids, moments, text without control characters, If-Match."""

import re
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, get_type_hints

from fastapi import Header, Path
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    create_model,
)

from shared_code.errors import InvalidRequest
from shared_code.labels import COMPANY_ID

_MOST_ID = 2**31 - 1
#: what every JSON reader holds exactly, those that know floating-point numbers only too
_MOST_EXACT = 2**53 - 1

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_AMOUNT = r"^[0-9]{1,15}(\.[0-9]{1,8})?$"
_AMOUNT_TEXT = re.compile(_AMOUNT)
_ETAG = re.compile(r'(W/)?"([^"]*)"')


class Sent(BaseModel):
    """Base of what clients send: an unknown name is refused, because a misspelt filter would show everything."""

    model_config = ConfigDict(extra="forbid")


_CURSOR: dict[str, Any] = {"description": "`next_cursor` of the page before.", "examples": [100]}


class PageQuery(Sent):
    """Paging of a list. A cursor is a number within the column that the list is ordered by: INTEGER."""

    limit: Annotated[int, Field(ge=1, le=500, description="Items of one page.")] = 100
    cursor: Annotated[int | None, Field(ge=0, le=_MOST_ID, **_CURSOR)] = None

    def filters(self) -> dict[str, Any]:
        """What narrows the list, by the names of the parameters; None where nothing was asked."""
        return self.model_dump(exclude=set(PageQuery.model_fields))


class BigPageQuery(PageQuery):
    """Paging of a list that is ordered by a BIGINT column."""

    cursor: Annotated[int | None, Field(ge=0, le=_MOST_EXACT, **_CURSOR)] = None


def _aware(moment: datetime) -> datetime:
    """Moments without a zone are UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _naive(moment: datetime) -> datetime:
    """As the columns hold it. A moment at the end of the calendar can have no UTC."""
    try:
        return moment.replace(tzinfo=None) if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError("is outside the calendar") from error


#: a moment in an answer: UTC, marked as such
Moment = Annotated[
    datetime, AfterValidator(_aware), PlainSerializer(lambda moment: moment.isoformat(), return_type=str)
]


#: how a view shows the moments of a record, which are naive UTC
_MOMENTS: dict[Any, Any] = {datetime: Moment, datetime | None: Moment | None}


def _written(value: Any) -> Any:
    """A number would be taken for seconds since 1970, and a typing error for a moment."""
    if not isinstance(value, str) or not _ISO.match(value):
        raise ValueError("is not a day or moment as ISO 8601 writes it")
    return value


def _whole(value: Any) -> Any:
    """JSON knows one kind of numbers: 5.0 is the whole number 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _amount(value: Any) -> Decimal:
    """Text alone is exact: a JSON number may have lost digits on its way here."""
    if not isinstance(value, str) or not _AMOUNT_TEXT.fullmatch(value):
        raise ValueError('is not an amount as text, such as "1000.00"')
    return Decimal(value)


#: an amount in a request; what it holds, each amount column holds too
GivenAmount = Annotated[
    Decimal,
    PlainValidator(_amount, json_schema_input_type=str),
    WithJsonSchema({"type": "string", "pattern": _AMOUNT, "examples": ["1000.00"]}),
]
#: a day in a request
GivenDay = Annotated[date, BeforeValidator(_written)]
#: a moment in a request, as naive UTC
GivenMoment = Annotated[
    datetime,
    BeforeValidator(_written),
    AfterValidator(_naive),
    Field(description="ISO 8601; UTC when it names no zone.", examples=["2027-01-31T00:00:00Z"]),
]

_PLAIN = r"^[^\x00-\x1f\x7f]*$"
#: with a character that is seen
NOT_BLANK = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"

CompanyId = Annotated[
    str,
    Field(pattern=f"^{COMPANY_ID}$", description="Case does not count.", examples=["NT047"]),
    AfterValidator(str.upper),
]
Text100 = Annotated[str, Field(min_length=1, max_length=100, pattern=_PLAIN)]
Text200 = Annotated[str, Field(max_length=200, pattern=_PLAIN)]
OptionalText100 = Annotated[str, Field(max_length=100, pattern=_PLAIN)]
Tokens = Annotated[int, Field(strict=True, ge=0, le=_MOST_EXACT), BeforeValidator(_whole)]
Readings = Annotated[int, Field(strict=True, ge=0, le=1_000), BeforeValidator(_whole)]
PageNumber = Annotated[int, Field(strict=True, ge=1, le=10_000), BeforeValidator(_whole)]
#: a side of a box, in fractions of the page
Side = Annotated[float, Field(strict=True, ge=0, le=1)]
Threshold = Annotated[int, Field(strict=True, ge=0, le=_MOST_ID), BeforeValidator(_whole)]
SmallId = Annotated[int, Field(ge=1, le=_MOST_ID)]
BigId = Annotated[int, Field(ge=1, le=_MOST_EXACT)]

TokenIdPath = Annotated[SmallId, Path(description="Id of the token, that is, of a company's key.", examples=[1])]
QuotaIdPath = Annotated[SmallId, Path(description="Id of the quota.", examples=[1])]
BigIdPath = Annotated[BigId, Path(examples=[1])]
ReadingIdPath = Annotated[
    str, Path(description="Public id of a reading: `data.id` of its answer.", examples=[f"ext_{'0' * 32}"])
]

_ONE_ETAG = r'(W/)?"[^"]*"'

IfMatch = Annotated[
    str | None,
    Header(
        pattern=rf"^(\*|{_ONE_ETAG}( *, *{_ONE_ETAG})*)$",
        alias="If-Match",
        description="`ETag` of the version that you saw: the change is refused when it is not the current one.",
        examples=['"5d41402abc4b2a76b9719d911017c592"'],
    ),
]


def example(**values: Any) -> ConfigDict:
    """The configuration of a model with an example for the OpenAPI document."""
    return ConfigDict(json_schema_extra={"example": values})


def fields_of(record: type, *, without: Collection[str] = ()) -> Any:
    """The base of a view that shows all fields of a dataclass, except those in ``without``; none is ever left out."""
    hints = {name: hint for name, hint in get_type_hints(record).items() if name not in without}
    return create_model(f"{record.__name__}Fields", **{name: _MOMENTS.get(hint, hint) for name, hint in hints.items()})


def without_default(schema: dict[str, Any]) -> None:
    """For a field that may be left out without having a value of its own then."""
    schema.pop("default", None)


def etag(version: str) -> str:
    """The header's value."""
    return f'"{version}"'


def versions(if_match: str | None) -> Callable[[str], bool] | None:
    """Says of a version whether the If-Match header allows to change it; None when the client does not ask.

    :raises InvalidRequest: the header is neither ``*`` nor a list of ETags.
    """
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return lambda _version: True
    found = list(_ETAG.finditer(if_match))
    if not found or _ETAG.sub("", if_match).replace(",", "").strip():
        raise InvalidRequest("If-Match is neither * nor an ETag in quotes.", details={"field": "If-Match"})
    # A weak one never matches here: it does not promise that nothing changed.
    known = {match[2] for match in found if not match[1]}
    return lambda version: version in known
