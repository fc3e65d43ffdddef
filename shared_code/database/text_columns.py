"""Text as every backend takes it.

PostgreSQL refuses NUL, no driver sends half a surrogate pair, and columns count UTF-16 units, of which an emoji is two.
Such characters come from vendors' answers: JSON can write all of them.
"""


def fitting(text: str, length: int | None = None) -> str:
    """The text without NUL, with ``?`` for half a surrogate pair, cut to ``length`` UTF-16 units."""
    if text.isascii() and "\0" not in text:
        return text[:length]
    units = text.replace("\0", "").encode("utf-16-le", "replace")
    return units[: None if length is None else 2 * length].decode("utf-16-le", "ignore")
