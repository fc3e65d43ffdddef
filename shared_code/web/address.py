"""The path and query of a request, decoded strictly from its address.

The platform hands over the address as it was sent, and decoded values beside it in which bytes that are not UTF-8 have
become other characters, or stand there percent-encoded still.
"""

from urllib.parse import SplitResult, parse_qsl, unquote_to_bytes, urlsplit

from shared_code.errors import InvalidRequest


def path_of(url: str) -> str:
    """The decoded path.

    :raises InvalidRequest: it is not UTF-8, or the address is none.
    """
    parts = _parts(url)
    try:
        return unquote_to_bytes(parts.path.encode("ascii")).decode("utf-8")
    except ValueError as error:
        raise _refused("path") from error


def query_of(url: str) -> list[tuple[str, str]]:
    """Names and values of the query, in their order, blank ones too.

    :raises InvalidRequest: it is not UTF-8, or the address is none.
    """
    query = _parts(url).query
    try:
        query.encode("ascii")
        return parse_qsl(query, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise _refused("query") from error


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # read on access
    except ValueError as error:
        raise InvalidRequest("The Host header names no host and port.", details={"field": "host"}) from error
    return parts


def _refused(part: str) -> InvalidRequest:
    return InvalidRequest(f"The {part} of the address is not UTF-8 behind its percent signs.", details={"field": part})
