"""A reading as a file: the tables of :mod:`shared_code.exports`, for whoever holds its id."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from shared_code.api_response import ApiResponse
from shared_code.errors import AlreadyProcessing, Conflict
from shared_code.exports.files import WantedFile, table_file, wanted_file
from shared_code.exports.formats import chosen_format
from shared_code.exports.tables import ExportedReading
from shared_code.web.form import one_each

if TYPE_CHECKING:
    from shared_code.extraction.stored_readings import StoredReading

_PARAMETERS = ("format", "table", "bom")
#: states of a reading that is still to come
_UNFINISHED = frozenset({"queued", "running"})
#: seconds after which it may be there
_RETRY_AFTER = 2.0


def wanted_reading_file(query: Iterable[tuple[str, str]], accept: str | None) -> WantedFile:
    """The form in which a request wants a reading: ``format``, ``table`` and ``bom`` of the address, or ``Accept``.

    :raises errors.InvalidRequest: one of them cannot be read, or is given twice.
    """
    given = one_each(query, _PARAMETERS)
    form = chosen_format(given.get("format"), accept)
    return wanted_file(form, table=given.get("table"), bom=given.get("bom"))


def reading_file(found: "StoredReading", wanted: WantedFile, headers: Mapping[str, str]) -> ApiResponse:
    """The file of a reading that is done; its name is the reading's id.

    :raises errors.AlreadyProcessing: the reading is still to come.
    :raises errors.Conflict: it ended without a result.
    """
    data = found.data
    if data["state"] in _UNFINISHED:
        raise AlreadyProcessing(f"The reading is {data['state']}: there is no file yet.", retry_after=_RETRY_AFTER)
    if data["state"] != "done":
        raise Conflict(
            f"The reading is {data['state']}: there is no file of it. Ask for JSON.", details={"field": "format"}
        )
    reading = ExportedReading(
        reading_id=data["id"],
        company_id=found.company_id,
        state=data["state"],
        read_at=found.read_at,
        file=found.file_label,
        data=data,
    )
    file = table_file([reading], wanted, name=str(data["id"]))
    return ApiResponse(200, file.content, {**headers, **file.headers})
