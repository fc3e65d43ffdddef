"""Removes secrets from text that is about to be logged, stored or shown.

Works by shape, because the text may come from a library or a vendor that echoes a key: Google keys (``AIza...`` and
``AQ....``), OpenAI keys (``sk-...``), bearer values, ``key=`` parameters, passwords in connection strings and URLs.
Keys in use are also known by value: :func:`remember_secret` makes sure that one of an unknown shape is caught too.
"""

import re
import threading
from collections import OrderedDict

MASK = "***"

_PATTERNS = (
    re.compile(r"AIza[0-9A-Za-z_\-]{10,}"),
    re.compile(r"\bAQ\.[0-9A-Za-z_\-]{8,}"),
    re.compile(r"\bsk-[0-9A-Za-z_\-*]{8,}"),
    re.compile(r"(?<=api_key:)[^\s'\",)]{6,}"),
    re.compile(r"(?i)(?<=bearer )[^\s'\",]{6,}"),
    re.compile(r"(?i)(?<=[?&]key=)[^&\s'\"]+"),
    re.compile(r"(?i)(?<=[?&]code=)[^&\s'\"]+"),
    re.compile(r"(?i)(?<=x-goog-api-key['\"]: ['\"])[^'\"]+"),
    re.compile(r"(?i)(?<=\bpwd=)(?:\{(?:[^}]|\}\})*\}|[^;\s'\"]+)"),
    re.compile(r"(?i)(?<=\bpassword=)(?:\{(?:[^}]|\}\})*\}|[^;\s'\"&]+)"),
    re.compile(r"(?i)(?<=accountkey=)[^;\s'\"]+"),
    re.compile(r"(?i)(?<=sig=)[0-9A-Za-z%/+=]{10,}"),
    re.compile(r"(?<=://)([^:/@\s]+):[^@/\s]+(?=@)"),
)
_URL_PASSWORD = len(_PATTERNS) - 1
_MAX_KNOWN = 4096
_MIN_KNOWN_LENGTH = 6

_known: OrderedDict[str, None] = OrderedDict()
_lock = threading.Lock()


def remember_secret(secret: str) -> None:
    """Make ``redact`` remove this exact value from now on (the latest 4,096 are kept)."""
    value = secret.strip()
    if len(value) < _MIN_KNOWN_LENGTH:
        return
    with _lock:
        _known[value] = None
        _known.move_to_end(value)
        while len(_known) > _MAX_KNOWN:
            _known.popitem(last=False)


def redact(text: str) -> str:
    """Return ``text`` with everything that is or looks like a secret replaced by ``***``."""
    for secret in tuple(_known):
        if secret in text:
            text = text.replace(secret, MASK)
    for number, pattern in enumerate(_PATTERNS):
        text = pattern.sub(rf"\1:{MASK}" if number == _URL_PASSWORD else MASK, text)
    return text


def mask_key(secret: str) -> str:
    """A key's recognisable end for people: ``...WXYZ``; short keys show nothing."""
    visible = 4
    return f"...{secret[-visible:]}" if len(secret) >= 4 * visible else "..."
