"""The Gemini models: names, limits, thinking, end dates, and what their pages and images cost.

Sources, as of 2026-11-21:

* end dates and successors: ai.google.dev/gemini-api/docs/deprecations;
* tokens of pages and images: Gemini API documentation, "Media resolution" (3.x), "Understand and count tokens" (2.x)
  and ai.google.dev/gemini-api/docs/document-processing (pages of a PDF);
* vocabularies: the table of google-genai's ``LocalTokenizer``; a model that it does not name is an estimate;
* settings for thinking: pydantic-ai, ``profiles/google.py``, which dates its checks against the service.
"""

import math
import re
from dataclasses import dataclass, replace
from datetime import date

from shared_code.providers.vendors import ModelFamily, ModelInfo, Size
from shared_code.records import Provider

#: the highest rate at the resolution that the service chooses by itself, which is left to it: 560 for a page and 1,120
#: for an image; a page counts as an image, because an alias may be served by a model that reads it as one
_PART = 1120
#: Gemini 2.x: tokens of a tile, of a small image (both sides up to 384 pixels) and of a page
_TILE = 258
_SMALL_SIDE = 384
#: least and most side of a tile in pixels
_TILE_SIDES = (256, 768)
#: assumed for an image of which nothing is known
_UNKNOWN_SIZE: Size = (6000, 6000)

_OUTPUT_LIMIT = 65_536
_OUTPUT_LIMIT_2_0 = 8_192
_MINIMAL_THOUGHTS = 128
_LOW_THOUGHTS = 1024
#: thinking of gemini-2.5-pro cannot be switched off
_SMALLEST_PRO_BUDGET = 128


@dataclass(frozen=True, slots=True)
class GeminiMedia:
    """Rates of one generation.

    :ivar by_tiles: whether a large image may be charged by its tiles.
    :ivar charges_page_text: whether a page may be charged by its text. The vendor's pages contradict each other for
        2.x: one adds the page's native text to the 258 tokens of a page, the other does not.
    """

    by_tiles: bool
    charges_page_text: bool

    def image(self, size: Size | None) -> int:
        """See :class:`~shared_code.providers.vendors.MediaTokens`."""
        return max(_PART, _tiles(size or _UNKNOWN_SIZE)) if self.by_tiles else _PART

    def page(self, text_tokens: int) -> int:
        """See :class:`~shared_code.providers.vendors.MediaTokens`."""
        return max(_PART, _TILE + text_tokens) if self.charges_page_text else _PART


def _tiles(size: Size) -> int:
    """Gemini 2.x: 258 for a small image, else 258 per tile; the tile's side follows the image's shorter side."""
    width, height = size
    if width <= _SMALL_SIDE and height <= _SMALL_SIDE:
        return _TILE
    least, most = _TILE_SIDES
    side = min(max(math.floor(min(width, height) / 1.5), least), most)
    return _TILE * math.ceil(width / side) * math.ceil(height / side)


_MEDIA_3 = GeminiMedia(by_tiles=False, charges_page_text=False)
_MEDIA_2 = GeminiMedia(by_tiles=True, charges_page_text=True)
#: aliases and retired names may be answered by the older generation, which charges by tiles
_MEDIA_ALIAS = GeminiMedia(by_tiles=True, charges_page_text=False)

#: Each model is one of these with its own name. "low" is accepted by every model that thinks.
_GEMINI_3 = ModelInfo(
    "",
    Provider.GEMINI,
    _MEDIA_3,
    vocabulary="gemma4",
    vocabulary_exact=False,
    output_limit=_OUTPUT_LIMIT,
    thinking="low",
    expected_thoughts=_LOW_THOUGHTS,
)
_MINIMAL_3 = replace(_GEMINI_3, thinking="minimal", expected_thoughts=_MINIMAL_THOUGHTS)
_GEMINI_2 = replace(
    _GEMINI_3, media=_MEDIA_2, vocabulary="gemma3", vocabulary_exact=True, thinking=None, expected_thoughts=0
)
_GEMINI_2_5 = replace(_GEMINI_2, thinking=0)
_GEMINI_2_0 = replace(
    _GEMINI_2, output_limit=_OUTPUT_LIMIT_2_0, ends_on=date(2026, 6, 1), successor="gemini-3.5-flash-lite"
)
_ALIAS = replace(_GEMINI_3, media=_MEDIA_ALIAS)

MODELS = ModelFamily(
    models=(
        replace(_MINIMAL_3, name="gemini-3.5-flash-lite"),
        replace(_GEMINI_3, name="gemini-3.8-flash"),
        replace(_GEMINI_3, name="gemini-3.7-flash"),
        replace(_MINIMAL_3, name="gemini-3.6-flash"),
        replace(_MINIMAL_3, name="gemini-3.5-flash", vocabulary_exact=True),
        replace(_MINIMAL_3, name="gemini-3.1-flash-lite", vocabulary_exact=True, ends_on=date(2027, 5, 7)),
        replace(_GEMINI_3, name="gemini-3.1-pro", vocabulary_exact=True),
        replace(_GEMINI_3, name="gemini-4-argon"),
        replace(_GEMINI_2_5, name="gemini-2.5-flash-lite"),
        replace(_GEMINI_2_5, name="gemini-2.5-flash", ends_on=date(2026, 12, 1), successor="gemini-3.5-flash-lite"),
        replace(
            _GEMINI_2_5,
            name="gemini-2.5-pro",
            thinking=_SMALLEST_PRO_BUDGET,
            expected_thoughts=_SMALLEST_PRO_BUDGET,
            ends_on=date(2026, 12, 1),
            successor="gemini-3.8-flash",
        ),
        replace(_GEMINI_2_0, name="gemini-2.0-flash"),
        replace(_GEMINI_2_0, name="gemini-2.0-flash-lite"),
    ),
    patterns=(
        (re.compile(r"gemini-[12]\."), _GEMINI_2),
        (re.compile(r"gemini-3-(pro|flash)-preview"), replace(_ALIAS, vocabulary="gemma3", vocabulary_exact=True)),
        (re.compile(r"gemini"), _ALIAS),
    ),
    careful=_ALIAS,
)
