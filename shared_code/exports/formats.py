"""In which form an answer is given: as JSON, CSV or a workbook, and how a request says so."""

from enum import StrEnum

from shared_code.errors import InvalidRequest
from shared_code.exports import csv_file, workbook


class Format(StrEnum):
    """The forms, by their names in ``format=``."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


#: what an ``Accept`` header must name, and what the answer's ``Content-Type`` is
MEDIA_TYPES = {Format.JSON: "application/json", Format.CSV: csv_file.MEDIA_TYPE, Format.XLSX: workbook.MEDIA_TYPE}
_BY_TYPE = {media_type: form for form, media_type in MEDIA_TYPES.items()}


def chosen_format(name: str | None, accept: str | None) -> Format:
    """The form that a request asks for: by ``format=``, else by exactly one of our media types in ``Accept``.

    Ranges such as ``text/*`` choose nothing, so that a browser, which takes everything, gets JSON.

    :raises InvalidRequest: ``format`` is none of ours.
    """
    if name is not None:
        try:
            return Format(name.strip().lower())
        except ValueError as error:
            raise InvalidRequest(
                f"format is {', '.join(Format)}; received {name[:20]!r}.", details={"field": "format"}
            ) from error
    named = [(_weight(part), _BY_TYPE.get(part.split(";", 1)[0].strip().lower())) for part in (accept or "").split(",")]
    wanted = [(weight, form) for weight, form in named if form is not None and weight > 0]
    # Of equal weights the first one, as it was written.
    return max(wanted, key=lambda each: each[0])[1] if wanted else Format.JSON


def _weight(part: str) -> float:
    """The quality value of a media range (RFC 9110, section 12.4.2); 1 where it has none."""
    for parameter in part.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
