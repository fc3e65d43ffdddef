"""The names that callers give: a company, a user, a branch, a licence. What they may hold, and when two are the same.

Unicode writes some names in several ways: ``é`` is one character, or an ``e`` with an accent behind it. Both are the
same name (Unicode Standard Annex 15), so every name is put into its composed form (NFC) where it comes in. Rows, limits
and reports then agree without comparing in the database, which has no portable function for it. A name that has lost
characters on its way is refused, because two such names look like one.

And the ids that we give to readings, by which callers ask for them.
"""

import os
import re
import unicodedata

#: a company id as people write it. The ODBC driver turns other characters into ``?``, so that two companies could
#: become one
COMPANY_ID = r"[A-Za-z0-9._\-]{1,50}"
#: the public id of a reading. Whoever has one may see the reading: ids are random, never counted, and masked in logs
READING_ID = r"ext_[0-9a-f]{32}"
#: what decoders put where bytes were not in the encoding that they expected
_LOST = "\ufffd"


def read_company_id(text: str) -> str | None:
    """The company id in upper case, as callers and rows hold it; None when ``text`` is none."""
    return text.upper() if re.fullmatch(COMPANY_ID, text) else None


def composed(text: str) -> str:
    """The name in the form in which it is stored and compared (NFC)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def spellings(text: str) -> tuple[str, ...]:
    """The composed and the fully decomposed form: how a name stands in rows that people typed in by hand."""
    return tuple(dict.fromkeys((composed(text), unicodedata.normalize("NFD", text))))


def units(text: str) -> int:
    """The length as text columns count it, in UTF-16 units: an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def problem_of(name: str) -> str | None:
    """What keeps a text from being a name, as the end of a sentence; None when it may be one."""
    if _LOST in name or not is_unicode(name):
        return "is not UTF-8: characters were lost on the way, so that it could be taken for another name"
    return None if name.isprintable() else "holds characters that cannot be printed"


def is_unicode(text: str) -> bool:
    """False for halves of surrogate pairs, which Python puts where bytes of the command line are not UTF-8."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def new_reading_id() -> str:
    """A public id that nobody can guess: 128 random bits."""
    return f"ext_{os.urandom(16).hex()}"


def is_reading_id(text: str) -> bool:
    """Whether a text has the form of a public id."""
    return re.fullmatch(READING_ID, text) is not None
