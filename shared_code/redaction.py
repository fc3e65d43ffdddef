"""Removes secrets from text that is about to be logged, stored or shown.

Works by shape, because the text may come from a library or a vendor that echoes a key: Google keys (``AIza...`` and
``AQ....``), OpenAI keys (``sk-...``), bearer values, ``key=`` parameters, passwords in connection strings and URLs.
Keys in use are also known by value: :func:`remember_secret` makes sure that one of an unknown shape is caught too.
"""

import re
import threading
from collections import OrderedDict

from ahocorasick_rs import AhoCorasick, MatchKind

MASK = "***"

#: what must be in the casefolded text for the pattern to match at all, which is quick to say; the pattern; its mask
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
        ("://", r"(?<=://)([^:/@\s]+):[^@/\s]+(?=@)", rf"\1:{MASK}"),
    )
)
_MAX_KNOWN = 4096
_MIN_KNOWN_LENGTH = 6

_known: OrderedDict[str, None] = OrderedDict()
#: finds all of ``_known`` in one pass, however many there are; None when one was added since it was built
_finder: AhoCorasick | None = AhoCorasick([])
_lock = threading.Lock()


def remember_secret(secret: str) -> None:
    """Make ``redact`` remove this exact value from now on (the latest 4,096 are kept).

    What is not ASCII is no key of any provider, and is refused where keys are stored.
    """
    global _finder  # noqa: PLW0603 - belongs to _known
    value = secret.strip()
    if len(value) < _MIN_KNOWN_LENGTH or not value.isascii():
        return
    with _lock:
        if value not in _known:
            _finder = None
        _known[value] = None
        _known.move_to_end(value)
        while len(_known) > _MAX_KNOWN:
            _known.popitem(last=False)


def redact(text: str) -> str:
    """Return ``text`` with everything that is or looks like a secret replaced by ``***``."""
    text = _without_known(text)
    folded = text.casefold()
    for sign, pattern, mask in _PATTERNS:
        if sign in folded:
            text = pattern.sub(mask, text)
    return text


def _without_known(text: str) -> str:
    finder = _finder or _build_finder()
    try:
        found = finder.find_matches_as_indexes(text)
    except UnicodeEncodeError:  # half of a surrogate pair, which the library cannot take
        spelled = text.encode("utf-8", "backslashreplace").decode()
        masked = _without_known(spelled)
        return text if masked == spelled else masked
    if not found:
        return text
    kept, end = [], 0
    for _, start, after in found:
        kept.append(text[end:start])
        end = after
    return MASK.join([*kept, text[end:]])


def _build_finder() -> AhoCorasick:
    global _finder  # noqa: PLW0603 - belongs to _known
    with _lock:
        if _finder is None:
            # The longest where one begins with another: the rest of it must not stay.
            _finder = AhoCorasick(list(_known), matchkind=MatchKind.LeftmostLongest)
        return _finder


def mask_key(secret: str) -> str:
    """A key's recognisable end for people: ``...WXYZ``; short keys show nothing."""
    visible = 4
    return f"...{secret[-visible:]}" if len(secret) >= 4 * visible else "..."
