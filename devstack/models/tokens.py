"""Counts model tokens by code of its own, so that the product's estimator is checked against something else.

No vocabulary is at hand: pieces are cut by a pattern and long words charged by length. Calibrated on prompts, schemas
and invoice answers to come close to what sub-word vocabularies give; the vendors' counts differ by a few per cent too.
"""

import json
import math
import re
from functools import lru_cache
from typing import Any

_PIECES = re.compile(r"[^\W\d_]+|\d|_+|[^\w\s]+|\n+| {2,}|\t+")
_LETTERS_PER_TOKEN = 7
_SIGNS_PER_TOKEN = 4
_DIGITS = re.compile(r"\d+")


@lru_cache(maxsize=512)
def count_text(text: str, *, digits_per_token: int = 1) -> int:
    """Tokens of a text. ``digits_per_token`` is 1 for Gemini's vocabularies and 3 for OpenAI's."""
    return _count(text, digits_per_token)


def _count(text: str, digits_per_token: int) -> int:
    total = 0
    for piece in _PIECES.findall(text):
        first = piece[0]
        if first.isalpha():
            total += math.ceil(len(piece) / _letters_per_token(piece))
        elif first.isdigit() or first in " \n\t_":
            total += 1
        else:
            total += math.ceil(len(piece) / _SIGNS_PER_TOKEN)
    if digits_per_token > 1:
        runs = [len(run) for run in _DIGITS.findall(text)]
        total += sum(math.ceil(run / digits_per_token) - run for run in runs)
    return total


def count_json(value: Any, *, digits_per_token: int = 1) -> int:
    """Tokens of a value written as compact JSON, as a schema goes into the prompt."""
    return count_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), digits_per_token=digits_per_token)


def cut_to_tokens(text: str, tokens: int, *, digits_per_token: int = 1) -> str:
    """The longest beginning of a text that counts at most ``tokens``."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if _count(text[:middle], digits_per_token) <= tokens:
            low = middle
        else:
            high = middle - 1
    return text[:low]


def _letters_per_token(word: str) -> int:
    if not word.isascii():
        return _LETTERS_PER_TOKEN // 2
    return _LETTERS_PER_TOKEN // 2 if word.isupper() else _LETTERS_PER_TOKEN
