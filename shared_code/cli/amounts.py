"""Amounts of model tokens as people type them on the command line."""

from shared_code.database.stores.keys.token_fields import MAX_TOKENS
from shared_code.errors import InvalidRequest


def amount_or_none(field: str, text: str) -> int | None:
    """A whole number, or None for 'none'.

    :raises InvalidRequest: it is neither, or too large.
    """
    if text == "none":
        return None
    # Before int(): Python refuses to read thousands of digits.
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(MAX_TOKENS)) or int(text) > MAX_TOKENS:
        shown = text if len(text) <= len(str(MAX_TOKENS)) else f"{len(text)} characters"
        raise InvalidRequest(
            f"{field} is a whole number up to {MAX_TOKENS}, or 'none'; not {shown!r}.", details={"field": field}
        )
    return int(text)
