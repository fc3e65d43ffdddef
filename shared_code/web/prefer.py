"""Whether a request asks to be answered before the work is done (RFC 7240, section 4.1)."""

from collections.abc import Mapping

from shared_code.extraction.submission import read_flag

HEADER = "Prefer"
RESPOND_ASYNC = "respond-async"


def prefers_async(header: str | None) -> bool:
    """Whether the preference ``respond-async`` is among those of the header, with or without a value or parameters."""
    named = (part.partition(";")[0].partition("=")[0].strip().lower() for part in (header or "").split(","))
    return RESPOND_ASYNC in named


def wants_async(header: str | None, fields: Mapping[str, str | None]) -> bool:
    """Whether an upload is to be read later: by the header, or by the field ``async``, which overrules it.

    :raises errors.InvalidRequest: the field is neither true nor false.
    """
    return read_flag(fields, "async") if fields.get("async") else prefers_async(header)
