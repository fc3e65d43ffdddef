"""Which text vocabulary a model uses, and the loaded vocabularies themselves.

Carried by splintr-rs, which is young and has one maintainer: this is its only importer, and where it cannot be loaded
or has no vocabulary for a model, an estimate by characters takes its place and says so. Nothing is downloaded.
"""

import logging
import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared_code.providers.catalog import model_info, plain_name

logger = logging.getLogger(__name__)

CHARACTERS = "characters"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How a model's text is counted.

    :ivar name: of the vocabulary; ``characters`` when none fits.
    :ivar exact: whether the count is the vendor's own for plain text.
    :ivar factor: what an estimate by another model's vocabulary is multiplied with.
    """

    name: str
    exact: bool
    factor: float = 1.0


#: Claude 3 has no public vocabulary; measured: 1.04 for prose, 1.11 for invoices, 1.22 for code
_CLAUDE_FACTOR = 1.15
_FOREIGN: tuple[tuple[re.Pattern[str], Vocabulary], ...] = (
    (re.compile(r"(meta-)?llama-?2"), Vocabulary("llama2", exact=True)),
    (re.compile(r"(meta-)?llama-?3"), Vocabulary("llama3", exact=True)),
    (re.compile(r"(meta-)?llama"), Vocabulary("llama3", exact=False)),
    (re.compile(r"gemma-?2"), Vocabulary("gemma2", exact=True)),
    (re.compile(r"gemma-?3"), Vocabulary("gemma3", exact=True)),
    (re.compile(r"gemma-?4"), Vocabulary("gemma4", exact=True)),
    (re.compile(r"claude"), Vocabulary("cl100k_base", exact=False, factor=_CLAUDE_FACTOR)),
)
_OURS = re.compile(r"gemini|gpt-|chatgpt-|o\d")
_UNKNOWN = Vocabulary(CHARACTERS, exact=False)

_LETTERS_PER_TOKEN = 4
_SIGNS_PER_TOKEN = 2


def vocabulary_of(model: str) -> Vocabulary:
    """The vocabulary for a model's name, as far as names tell."""
    name = plain_name(model).rpartition("/")[2]
    if _OURS.match(name):
        info = model_info(name)
        return Vocabulary(info.vocabulary, info.vocabulary_exact)
    return next((vocabulary for pattern, vocabulary in _FOREIGN if pattern.match(name)), _UNKNOWN)


def count_characters(text: str) -> int:
    """An estimate without a vocabulary: letters by four, digits and signs by two, what is not ASCII one by one."""
    foreign = sum(1 for letter in text if not letter.isascii())
    signs = sum(1 for letter in text if letter.isascii() and not (letter.isalpha() or letter.isspace()))
    plain = len(text) - foreign - signs
    return math.ceil(plain / _LETTERS_PER_TOKEN + signs / _SIGNS_PER_TOKEN) + foreign


class VocabularyShelf:
    """Loads each vocabulary once, on first use, and keeps it (10 to 80 MB and up to 0.8 s each)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[str, Callable[[str], int] | None] = {}

    def counter(self, name: str) -> Callable[[str], int] | None:
        """A function that counts the tokens of a text, or None when the vocabulary cannot be had."""
        if name == CHARACTERS:
            return None
        if name not in self._counters:
            with self._lock:
                if name not in self._counters:
                    self._counters[name] = _load(name)
        return self._counters[name]


def _load(name: str) -> Callable[[str], int] | None:
    try:
        import splintr

        tokenizer: Any = splintr.Tokenizer.from_pretrained(name)
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        logger.warning("Vocabulary %s cannot be loaded (%s); token counts are estimates.", name, type(error).__name__)
        return None
    # Not encode(): it takes "<|endoftext|>" in a document for the control token of that name.
    return lambda text: len(tokenizer.encode_ordinary(text))
