"""How many model tokens a call can cost, counted before it is made.

Offline and without the provider. A reservation rests on the bound, which must not be exceeded: it takes the highest
published rate for pages and images, multiplies text by a safety factor, and adds the cap on the answer. A call that
cost more all the same is booked as it is, and raises the factor for its model. Bills are never taken from here.
"""

import hashlib
import io
import json
import math
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared_code.metering.counted_texts import COUNTS, VOCABULARIES
from shared_code.metering.vocabularies import CHARACTERS, VocabularyShelf, count_characters, vocabulary_of
from shared_code.providers.base import Media, ModelRequest
from shared_code.providers.vendors import MediaTokens, Size, model_info
from shared_code.records import Provider

DEFAULT_SAFETY_FACTOR = 1.1
#: on top where the vocabulary is not known to be the model's own
_INEXACT_FACTOR = 1.1
#: roles, separators and marks around parts, which are charged but stand in none of the texts
_FRAME_TOKENS = 32
#: tokens of a page full of small print, for a page whose text is not known
_DENSE_PAGE_TEXT = 4000
_CACHED_COUNTS = 4096
_PDF = "application/pdf"
#: tokens of an answer with every key null, and what a page of line items adds; measured on the wire schema
EMPTY_ANSWER_TOKENS = 1_100
PAGE_ANSWER_TOKENS = 900
#: a line item with few of its columns filled; one with all of them and two taxes takes about 270
LINE_ANSWER_TOKENS = 120
#: addresses, dates and totals look like rows too
_OTHER_ROWS = 15
#: the cap allows this many times the expected answer, but beyond _MOST_CAP only _COUNTED_CAP_FACTOR times
_CAP_FACTOR = 3
_COUNTED_CAP_FACTOR = 2
_LEAST_CAP = 6_000
_MOST_CAP = 32_000
#: the cap of a second try after a cut answer
_LARGER_CAP_FACTOR = 3
#: no call of the service is smaller: a key with less left is used up
SMALLEST_BOUND = 2_500
#: what the smallest call of the default models takes, by the present prompt and schema: a key that has less left is
#: stranded. A test compares; a larger prompt asks for larger numbers.
SMALLEST_CALLS = {Provider.GEMINI: 6_600, Provider.OPENAI: 5_800}
#: kind of the alert that keeps a learned factor
ESTIMATE_MISS = "estimate_miss"
_START_FACTOR = 1.15
_MOST_FACTOR = 4.0


@dataclass(frozen=True, slots=True)
class TokenCount:
    """A count, its vocabulary, and whether it is ``exact``: the vendor counts plain text by that vocabulary."""

    tokens: int
    exact: bool
    vocabulary: str


class TokenCounter:
    """Counts for any model; thread-safe. Vocabularies are loaded on first use and shared by all counters."""

    _shelf = VocabularyShelf()

    def __init__(self, *, cached_counts: int = _CACHED_COUNTS) -> None:
        self._cached_counts = cached_counts
        self._cache: OrderedDict[tuple[str, str], tuple[int, bool]] = OrderedDict()
        self._lock = threading.Lock()
        self._schema: tuple[Mapping[str, Any], str] | None = None

    def count_tokens(self, text: str, model: str) -> int:
        """Tokens of ``text`` for ``model``, exact where its vocabulary is known."""
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
        media_tokens = model_info(request.model).media
        pdfs = [media for media in request.media if media.mime_type == _PDF]
        images = [media for media in request.media if media.mime_type != _PDF]
        tokens = sum(media_tokens.image(size) for size in _sizes(images, image_sizes))
        if pdfs:
            texts = None if page_texts is None else [self.count_tokens(text, request.model) for text in page_texts]
            tokens += _pages(media_tokens, page_count, texts or ())
        return tokens + self._text_bound(request, safety_factor)

    def _text_bound(self, request: ModelRequest, safety_factor: float) -> int:
        schema = self._text_of(request.schema)
        counts = [self.count(text, request.model) for text in (request.prompt, request.system or "", schema)]
        tokens = sum(count.tokens for count in counts)
        factor = safety_factor if all(count.exact for count in counts) else safety_factor * _INEXACT_FACTOR
        return math.ceil(tokens * factor) + _FRAME_TOKENS

    def _text_of(self, schema: Mapping[str, Any]) -> str:
        """A schema as it is sent. It is nearly always the same object, and never changed."""
        known = self._schema
        if known is None or known[0] is not schema:
            known = self._schema = (schema, json.dumps(schema, ensure_ascii=False))
        return known[1]

    def _raw_count(self, text: str, vocabulary: str) -> tuple[int, bool]:
        """The count, and whether a vocabulary was at hand for it."""
        if not text:
            return 0, vocabulary != CHARACTERS
        # Keyed by digest: texts are documents of companies, and may be long.
        digest = digest_of(text)
        counted = _counted_before(digest, vocabulary)
        if counted is not None:
            return counted, True
        key = (vocabulary, digest)
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


def expected_output(page_count: int, rows: Sequence[int | None] = ()) -> int:
    """Output tokens that a document of this many pages is expected to need.

    :param rows: rows of tables that were counted on each page, None where nothing is known of a page.
    """
    counted = [count for count in rows if count is not None]
    by_pages = PAGE_ANSWER_TOKENS * max(page_count, 1)
    by_rows = LINE_ANSWER_TOKENS * (sum(counted) - _OTHER_ROWS) + PAGE_ANSWER_TOKENS * (page_count - len(counted))
    return EMPTY_ANSWER_TOKENS + max(by_pages, by_rows)


def output_cap(
    page_count: int, rows: Sequence[int | None] = (), *, thoughts_tokens: int = 0, larger: bool = False
) -> int:
    """Cap on the answer, thoughts included; ``larger`` is the one retry after an answer was cut."""
    expected = expected_output(page_count, rows)
    most = max(_MOST_CAP, _COUNTED_CAP_FACTOR * expected if any(rows) else 0)
    cap = min(max(_CAP_FACTOR * expected, _LEAST_CAP), most)
    if larger:
        cap = max(cap, min(cap * _LARGER_CAP_FACTOR, 2 * _MOST_CAP))
    return cap + thoughts_tokens


def digest_of(text: str) -> str:
    """What tells a text from others."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _counted_before(digest: str, vocabulary: str) -> int | None:
    """Tokens of one of the texts that every call sends."""
    counts = COUNTS.get(digest)
    return counts[VOCABULARIES.index(vocabulary)] if counts and vocabulary in VOCABULARIES else None


class SafetyFactors:
    """The factor per model by which text estimates are multiplied. Misses raise it, nothing lowers it."""

    def __init__(self) -> None:
        self._factors: dict[str, float] = {}
        self._lock = threading.Lock()

    def of(self, model: str) -> float:
        """The factor for a model."""
        return self._factors.get(model, _START_FACTOR)

    def missed(self, model: str, *, bound: int, actual: int) -> float:
        """A call cost ``actual`` tokens with only ``bound`` reserved; returns the new factor."""
        with self._lock:
            raised = min(self.of(model) * max(actual / max(bound, 1), 1.0) * 1.1, _MOST_FACTOR)
            self._factors[model] = raised
            return raised

    def learned(self, model: str, factor: float) -> None:
        """Take over a factor that another instance learned."""
        with self._lock:
            self._factors[model] = max(self.of(model), min(factor, _MOST_FACTOR))


def _pages(media: MediaTokens, page_count: int, text_tokens: Sequence[int]) -> int:
    """Upper bound for all pages; counts beyond ``page_count`` are left out, missing ones are taken as dense."""
    known = text_tokens[:page_count]
    return sum(map(media.page, known)) + (page_count - len(known)) * media.page(_DENSE_PAGE_TEXT)


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
