"""Models of the stand-in, and what a picture or a page costs in each, by the vendor's published formulas.

A PDF page is charged as its extracted text and a picture of the page.
"""

import math
from dataclasses import dataclass

from devstack.models.reading.layout import Page
from devstack.models.tokens import count_text

DIGITS_PER_TOKEN = 3
_TILE = 512
_BOX = 2048
_SHORT_SIDE = 768
_PATCH = 32
_MOST_PATCHES = 1536
#: Longest side of a rendered page.
_PAGE_PIXELS = 1536
_A4 = (595.0, 842.0)
#: HEIC and the like, whose size nobody reads here.
_UNKNOWN_SIZE = (1086, 1536)


@dataclass(frozen=True, slots=True)
class _Model:
    version: str
    base: int = 0
    tile: int = 0
    per_patch: float = 0.0


_MODELS = {
    "gpt-5-mini": _Model("gpt-5-mini-2025-08-07", per_patch=1.62),
    "gpt-5-nano": _Model("gpt-5-nano-2025-08-07", per_patch=2.46),
    "gpt-5": _Model("gpt-5-2025-08-07", base=70, tile=140),
    "gpt-4.1-mini": _Model("gpt-4.1-mini-2025-04-14", per_patch=1.62),
    "gpt-4.1": _Model("gpt-4.1-2025-04-14", base=85, tile=170),
    "gpt-4o-mini": _Model("gpt-4o-mini-2024-07-18", base=2833, tile=5667),
    "gpt-4o": _Model("gpt-4o-2024-08-06", base=85, tile=170),
}
LISTED = tuple(_MODELS)


def model_version(model: str) -> str:
    """The dated model that really answers."""
    return _MODELS[model].version


def image_tokens(model: str, size: tuple[int, int] | None) -> int:
    """One picture at full detail; ``size`` in pixels, None = not known."""
    known = _MODELS[model]
    width, height = size or _UNKNOWN_SIZE
    if known.per_patch:
        patches = math.ceil(width / _PATCH) * math.ceil(height / _PATCH)
        return math.ceil(min(patches, _MOST_PATCHES) * known.per_patch)
    fit = min(1.0, _BOX / max(width, height))
    shrink = fit * min(1.0, _SHORT_SIDE / (min(width, height) * fit))
    tiles = math.ceil(round(width * shrink) / _TILE) * math.ceil(round(height * shrink) / _TILE)
    return known.base + known.tile * tiles


def page_tokens(model: str, page: Page) -> int:
    """One PDF page: its text and its picture."""
    width, height = (page.width, page.height) if page.width and page.height else _A4
    scale = _PAGE_PIXELS / max(width, height)
    picture = image_tokens(model, (round(width * scale), round(height * scale)))
    return picture + count_text(page.text, digits_per_token=DIGITS_PER_TOKEN)
