"""Removes secrets from text that is about to be logged, stored or shown.

Works by shape, because the text may come from a library or a vendor that echoes a key: Google keys (``AIza...`` and
``AQ....``), OpenAI keys (``sk-...``), bearer values, ``key=`` parameters, passwords in connection strings and URLs.
Keys in use are also known by value: :func:`remember_secret` makes sure that one of an unknown shape is caught too, and
one that comes back encoded: a vendor's error can repeat a request's header in base64, or an address percent-encoded.
"""

import base64
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from ahocorasick_rs import AhoCorasick, MatchKind

from shared_code.labels import READING_ID

MASK = "***"

#: (sign, pattern, mask): the pattern is tried only where the casefolded text contains the sign, which is quick to see
_PATTERNS = tuple(
    (sign, re.compile(pattern), mask)
    for sign, pattern, mask in (
        ("aiza", r"AIza[0-9A-Za-z_\-]{10,}", MASK),
        ("aq.", r"\bAQ\.[0-9A-Za-z_\-]{8,}", MASK),
        ("sk-", r"\bsk-[0-9A-Za-z_\-*]{8,}", MASK),
        ("api_key:", r"(?<=api_key:)[^\s'\",)]{6,}", MASK),
        ("bearer ", r"(?i)(?<=bearer )[^\s'\",]{6,}", MASK),
        ("key=", r"(?i)(?<=[?&]key=)[^&\s'\"]+", MASK),
        ("code=", r"(?i)(?<=[?&]code=)[^&\s'\"]+", MASK),
        ("x-goog-api-key", r"(?i)(?<=x-goog-api-key['\"]: ['\"])[^'\"]+", MASK),
        ("pwd=", r"(?i)(?<=\bpwd=)(?:\{(?:[^}]|\}\})*\}|[^;\s'\"]+)", MASK),
        ("password=", r"(?i)(?<=\bpassword=)(?:\{(?:[^}]|\}\})*\}|[^;\s'\"&]+)", MASK),
        ("accountkey=", r"(?i)(?<=accountkey=)[^;\s'\"]+", MASK),
        ("sig=", r"(?i)(?<=sig=)[0-9A-Za-z%/+=]{10,}", MASK),
        ("whsec_", r"\bwhsec_[0-9A-Za-z+/=]{8,}", f"whsec_{MASK}"),
        # Whoever has a reading's public id may ask for the reading.
        ("ext_", rf"\b{READING_ID}\b", f"ext_{MASK}"),
        ("://", r"(?<=://)([^:/@\s]+):[^@/\s]+(?=@)", rf"\1:{MASK}"),
    )
)
_URL_SAFE = str.maketrans("+/", "-_")
_MAX_KNOWN = 4096
#: shorter values are no provider's keys, and may be words that must stay readable
_MIN_KNOWN_LENGTH = 16
#: new secrets get a small finder of their own; the large one is rebuilt only after so many of them
_MOST_RECENT = 256


def _finder(secrets: Iterable[str]) -> AhoCorasick:
    known = {spelling for secret in secrets for spelling in _spellings(secret)}
    # The longest where one begins with another: the rest of it must not stay.
    return AhoCorasick(list(known), matchkind=MatchKind.LeftmostLongest)


def _spellings(secret: str) -> Iterator[str]:
    """The secret as it is, percent-encoded, in hexadecimal digits, and within anything that is in base64."""
    yield secret
    for kept in ("", "/"):
        encoded = quote(secret, safe=kept)
        yield encoded
        yield re.sub("%..", lambda found: found[0].lower(), encoded)
    digits = secret.encode().hex()
    yield digits
    yield digits.upper()
    for before, shared in ((0, 0), (1, 2), (2, 3)):
        # Base64 writes three bytes as four characters: what the secret alone decides depends on where it begins.
        whole = base64.b64encode(b"\0" * before + secret.encode()).decode()
        inside = whole[shared : (before + len(secret)) * 8 // 6]
        yield inside
        yield inside.translate(_URL_SAFE)


def _without(finder: AhoCorasick, text: str) -> str:
    try:
        found = finder.find_matches_as_indexes(text)
    except UnicodeEncodeError:  # half of a surrogate pair, which the library cannot take
        spelled = text.encode("utf-8", "backslashreplace").decode()
        masked = _without(finder, spelled)
        return text if masked == spelled else masked
    if not found:
        return text
    kept, end = [], 0
    for _, start, after in found:
        kept.append(text[end:start])
        end = after
    return MASK.join([*kept, text[end:]])


class KnownSecrets:
    """The latest so many secrets, found in a text in one pass, however many there are. Safe for many threads.

    Finders are built when a text is searched the next time: secrets that come many at once cost one building.
    """

    def __init__(self, most: int = _MAX_KNOWN) -> None:
        self._most = most
        self._all: OrderedDict[str, None] = OrderedDict()
        self._recent: list[str] = []
        # Read together: what leaves the recent ones is in the other by then. None: something was added since.
        self._finders: tuple[AhoCorasick, AhoCorasick] | None = None
        self._older = _finder([])
        self._lock = threading.Lock()

    def add(self, secret: str) -> None:
        """Know one more; the one that was not added for the longest is forgotten."""
        with self._lock:
            if secret in self._all:
                self._all.move_to_end(secret)
                return
            self._all[secret] = None
            self._recent.append(secret)
            while len(self._all) > self._most:
                self._all.popitem(last=False)
            self._finders = None

    def mask(self, text: str) -> str:
        """The text without any of them."""
        for finder in self._finders or self._built():
            text = _without(finder, text)
        return text

    def _built(self) -> tuple[AhoCorasick, AhoCorasick]:
        with self._lock:
            if self._finders is None:
                if len(self._recent) >= _MOST_RECENT:
                    self._recent.clear()
                    self._older = _finder(self._all)
                self._finders = (self._older, _finder(self._recent))
            return self._finders


_known = KnownSecrets()


def remember_secret(secret: str) -> None:
    """Make ``redact`` remove this value from now on, plain and in its usual encodings (the latest 4,096 are kept).

    What is shorter than 16 characters or not ASCII is no key of any provider, and is left alone.
    """
    value = secret.strip()
    if len(value) >= _MIN_KNOWN_LENGTH and value.isascii():
        _known.add(value)


def redact(text: str) -> str:
    """Return ``text`` with everything that is or looks like a secret replaced by ``***``."""
    if len(text) >= _MIN_KNOWN_LENGTH:
        # The library lets other threads run meanwhile: in a busy process a short text would wait long for its turn.
        text = _known.mask(text)
    folded = text.casefold()
    for sign, pattern, mask in _PATTERNS:
        if sign in folded:
            text = pattern.sub(mask, text)
    return text
