"""What pages and images cost in input tokens, by the vendors' published formulas, as upper bounds.

The reservation rests on these numbers, so where a vendor's service is known to charge one of several rates, the
highest counts: a Gemini page is charged 258, 560 or 1,120 depending on model and resolution, and an alias may be
routed to another generation. The bill itself is never taken from here.
"""

import math
from collections.abc import Sequence

from shared_code.providers.catalog import ImageRate, MediaRule, ModelInfo

#: the highest rate of a page or image at the resolutions that we ask for (none is set: 560 for pages, 1,120 for images)
GEMINI_PART = 1120
_GEMINI_2_TILE = 258
_GEMINI_2_SMALL = 384
_GEMINI_2_UNIT = (256, 768)
#: text of a page full of small print, for a page whose text is not known
DENSE_PAGE_TEXT = 4000
_TILE_PIXELS = 512
_TILE_BOX = 2048
_TILE_SHORT_SIDE = 768
_PATCH_PIXELS = 32
#: pixels of an image of which nothing is known
_UNKNOWN_SIZE = (6000, 6000)

Size = tuple[int, int]


def image_tokens(info: ModelInfo, size: Size | None) -> int:
    """Upper bound for one image of ``size`` = (width, height) in pixels; None = not known."""
    if info.media_rule is MediaRule.GEMINI_3:
        # Aliases and retired names may be answered by the older generation, which charges by tiles.
        return GEMINI_PART if info.known else max(GEMINI_PART, gemini_2_image(size or _UNKNOWN_SIZE))
    if info.media_rule is MediaRule.GEMINI_2:
        return max(GEMINI_PART, gemini_2_image(size or _UNKNOWN_SIZE))
    if info.media_rule is MediaRule.OPENAI_TILES:
        return openai_tiles(info.image_rate, size) if size else _openai_most(info)
    return openai_patches(info.image_rate, size) if size else _openai_most(info)


def page_tokens(info: ModelInfo, text_tokens: int | None) -> int:
    """Upper bound for one PDF page whose text layer has ``text_tokens`` tokens (None = not known)."""
    text = DENSE_PAGE_TEXT if text_tokens is None else text_tokens
    if info.media_rule is MediaRule.GEMINI_3:
        return GEMINI_PART
    if info.media_rule is MediaRule.GEMINI_2:
        # A vendor page adds native text to the 258 of a page, another does not; the bound covers both.
        return max(GEMINI_PART, _GEMINI_2_TILE + text)
    # OpenAI reads a page as its text and a picture of it, of a size that it chooses.
    return text + _openai_most(info)


def pages_tokens(info: ModelInfo, page_count: int, page_text_tokens: Sequence[int] | None) -> int:
    """Upper bound for all pages; texts beyond ``page_count`` do not count, missing ones are taken as dense."""
    known = list(page_text_tokens or ())[:page_count]
    unknown = page_count - len(known)
    return sum(page_tokens(info, text) for text in known) + unknown * page_tokens(info, None)


def gemini_2_image(size: Size) -> int:
    """Gemini 2.x: 258 for a small image, else 258 per tile of a unit that follows the shorter side."""
    width, height = size
    if width <= _GEMINI_2_SMALL and height <= _GEMINI_2_SMALL:
        return _GEMINI_2_TILE
    smallest, largest = _GEMINI_2_UNIT
    unit = min(max(math.floor(min(width, height) / 1.5), smallest), largest)
    return _GEMINI_2_TILE * math.ceil(width / unit) * math.ceil(height / unit)


def openai_tiles(rate: ImageRate, size: Size) -> int:
    """OpenAI tiles at detail high: fit into 2,048 square, shorter side down to 768, then tiles of 512."""
    width, height = (float(side) for side in size)
    fit = min(1.0, _TILE_BOX / max(width, height))
    width, height = width * fit, height * fit
    shrink = min(1.0, _TILE_SHORT_SIDE / min(width, height))
    # Rounding up each side keeps a side that the vendor rounds to a full pixel inside the bound.
    columns = math.ceil(math.ceil(width * shrink) / _TILE_PIXELS)
    rows = math.ceil(math.ceil(height * shrink) / _TILE_PIXELS)
    return rate.base + rate.tile * columns * rows


def openai_patches(rate: ImageRate, size: Size) -> int:
    """OpenAI patches: squares of 32 pixels, at most the model's cap, times the model's factor."""
    width, height = size
    patches = math.ceil(width / _PATCH_PIXELS) * math.ceil(height / _PATCH_PIXELS)
    return math.ceil(min(patches, rate.patch_cap) * rate.patch_factor)


def _openai_most(info: ModelInfo) -> int:
    """The most that one picture can cost."""
    rate = info.image_rate
    if info.media_rule is MediaRule.OPENAI_PATCHES:
        return math.ceil(rate.patch_cap * rate.patch_factor)
    # 768 x 2,048 is the largest that the two steps leave: 2 x 4 tiles.
    return rate.base + rate.tile * math.ceil(_TILE_SHORT_SIDE / _TILE_PIXELS) * math.ceil(_TILE_BOX / _TILE_PIXELS)
