"""Counts tokens before a call: of a text by the model's vocabulary, of an upload as an upper bound.

Offline and without the provider. The bound is what a reservation rests on: it must not be missed, so it takes the
highest published rate for pages and images and adds a safety factor to text. Bills are never taken from here.
"""

import hashlib
import io
import json
import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from shared_code.metering.media_tokens import Size, image_tokens, pages_tokens
from shared_code.metering.vocabularies import CHARACTERS, VocabularyShelf, count_characters, vocabulary_of
from shared_code.providers.base import Media, ModelRequest
from shared_code.providers.catalog import model_info

DEFAULT_SAFETY_FACTOR = 1.1
#: on top where the vocabulary is not known to be the model's own
_INEXACT_FACTOR = 1.1
#: roles, separators and the marks around parts, which are charged and are in no text
_FRAME_TOKENS = 32
_CACHED_COUNTS = 4096
_PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class TokenCount:
    """A count with its worth: ``exact`` when the vendor counts plain text the same way, and by which vocabulary."""

    tokens: int
    exact: bool
    vocabulary: str


class TokenCounter:
    """Counts for any model; thread-safe. Vocabularies are loaded on first use and shared by all counters."""

    _shelf = VocabularyShelf()

    def __init__(self, *, cached_counts: int = _CACHED_COUNTS) -> None:
        self._cached_counts = cached_counts
        self._cache: OrderedDict[tuple[str, bytes], tuple[int, bool]] = OrderedDict()
        self._lock = threading.Lock()

    def count_tokens(self, text: str, model: str) -> int:
        """Tokens of ``text`` for ``model``, exact where a vocabulary is at hand."""
        return self.count(text, model).tokens

    def count(self, text: str, model: str) -> TokenCount:
        """Tokens of ``text`` for ``model``, and whether the number is exact."""
        vocabulary = vocabulary_of(model)
        raw, by_vocabulary = self._raw_count(text, vocabulary.name)
        if not by_vocabulary:
            return TokenCount(raw, exact=not text, vocabulary=CHARACTERS)
        return TokenCount(math.ceil(raw * vocabulary.factor), vocabulary.exact, vocabulary.name)

    def estimate_input(
        self,
        request: ModelRequest,
        *,
        page_count: int,
        image_sizes: Sequence[Size | None] = (),
        page_texts: Sequence[str] | None = None,
        safety_factor: float = DEFAULT_SAFETY_FACTOR,
    ) -> int:
        """Upper bound for the input tokens of a request.

        :param page_count: pages of the PDF in ``request.media``, if there is one.
        :param image_sizes: (width, height) of the images in ``request.media``, in their order; read from the images
            themselves where the numbers do not match.
        :param page_texts: text layer of the PDF's pages; pages without one are taken as dense where text is charged.
        :param safety_factor: what the count of text is multiplied with.
        """
        info = model_info(request.model)
        pdfs = [media for media in request.media if media.mime_type == _PDF]
        images = [media for media in request.media if media.mime_type != _PDF]
        tokens = sum(image_tokens(info, size) for size in _sizes(images, image_sizes))
        if pdfs:
            texts = None if page_texts is None else [self.count_tokens(text, request.model) for text in page_texts]
            tokens += pages_tokens(info, page_count, texts)
        return tokens + self._text_bound(request, safety_factor)

    def _text_bound(self, request: ModelRequest, safety_factor: float) -> int:
        schema = json.dumps(request.schema, ensure_ascii=False)
        counts = [self.count(text, request.model) for text in (request.prompt, request.system or "", schema)]
        tokens = sum(count.tokens for count in counts)
        factor = safety_factor if all(count.exact for count in counts) else safety_factor * _INEXACT_FACTOR
        return math.ceil(tokens * factor) + _FRAME_TOKENS

    def _raw_count(self, text: str, vocabulary: str) -> tuple[int, bool]:
        """The count, and whether a vocabulary was at hand for it."""
        if not text:
            return 0, vocabulary != CHARACTERS
        # Keyed by digest: texts are documents of companies, and may be long.
        key = (vocabulary, hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest())
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        counter = self._shelf.counter(vocabulary)
        result = (count_characters(text), False) if counter is None else (counter(_encodable(text)), True)
        with self._lock:
            self._cache[key] = result
            while len(self._cache) > self._cached_counts:
                self._cache.popitem(last=False)
        return result


def _encodable(text: str) -> str:
    """The text without lone surrogates, which no vocabulary holds."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _sizes(images: Sequence[Media], given: Sequence[Size | None]) -> list[Size | None]:
    known = list(given) if len(given) == len(images) else [None] * len(images)
    return [size or _size_of(image) for size, image in zip(known, images, strict=True)]


def _size_of(image: Media) -> Size | None:
    """Width and height by the image's header; None when it cannot be read here."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(image.data)) as opened:
            return opened.size
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None
