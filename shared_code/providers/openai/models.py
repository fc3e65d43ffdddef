"""The OpenAI models: names, limits, reasoning effort, and what their pages and images cost.

Sources, as of 2026-11-21:

* tokens of images: OpenAI platform documentation, "Images and vision", section "Calculating costs"; the rates of
  gpt-5.4 and later are from a third party's copy of that page;
* pages of a PDF, which are read as text and picture: developers.openai.com/api/docs/guides/file-inputs;
* vocabularies: tiktoken's table of models; it names none for gpt-6, whose counts are estimates.
"""

import math
import re
from dataclasses import dataclass

from shared_code.providers.vendors import MediaTokens, ModelFamily, ModelInfo, Size
from shared_code.records import Provider

_TILE_SIDE = 512
#: an image is fitted into a square of the first side, then shrunk until its shorter side has the second
_BOX_SIDE = 2048
_SHORT_SIDE = 768
_PATCH_SIDE = 32

_GPT_5_OUTPUT = 128_000
_GPT_4_1_OUTPUT = 32_768
_GPT_4O_OUTPUT = 16_384
_GPT_4_OUTPUT = 4_096
_O_OUTPUT = 100_000
_MINIMAL_THOUGHTS = 128
_LOW_THOUGHTS = 1024


@dataclass(frozen=True, slots=True)
class Tiles:
    """Images at detail "high" cost ``base`` tokens and ``tile`` tokens per tile of 512 pixels square."""

    base: int
    tile: int
    charges_page_text: bool = True

    def image(self, size: Size | None) -> int:
        """See :class:`~shared_code.providers.vendors.MediaTokens`."""
        # 768 x 2,048 is the largest that the two steps leave.
        width, height = size or (_SHORT_SIDE, _BOX_SIDE)
        fit = min(1.0, _BOX_SIDE / max(width, height))
        shrink = min(1.0, _SHORT_SIDE / min(width * fit, height * fit))
        # Rounding up each side keeps a side that the vendor rounds to a full pixel inside the bound.
        columns = math.ceil(math.ceil(width * fit * shrink) / _TILE_SIDE)
        rows = math.ceil(math.ceil(height * fit * shrink) / _TILE_SIDE)
        return self.base + self.tile * columns * rows

    def page(self, text_tokens: int) -> int:
        """The page's text, and a picture of it of a size that the vendor chooses."""
        return text_tokens + self.image(None)


@dataclass(frozen=True, slots=True)
class Patches:
    """Images cost their patches of 32 pixels square, at most ``cap`` of them, times ``factor``."""

    cap: int
    factor: float = 1.0
    charges_page_text: bool = True

    def image(self, size: Size | None) -> int:
        """See :class:`~shared_code.providers.vendors.MediaTokens`."""
        patches = self.cap
        if size is not None:
            width, height = size
            patches = min(math.ceil(width / _PATCH_SIDE) * math.ceil(height / _PATCH_SIDE), self.cap)
        return math.ceil(patches * self.factor)

    def page(self, text_tokens: int) -> int:
        """The page's text, and a picture of it of a size that the vendor chooses."""
        return text_tokens + self.image(None)


_TILES_4O = Tiles(base=85, tile=170)
_TILES_4O_MINI = Tiles(base=2833, tile=5667)
_TILES_GPT_5 = Tiles(base=70, tile=140)
_TILES_O = Tiles(base=75, tile=150)
_PATCHES_MINI = Patches(cap=1536, factor=1.62)
_PATCHES_NANO = Patches(cap=1536, factor=2.46)
_PATCHES_O4_MINI = Patches(cap=1536, factor=1.72)
#: the cap at detail "original", which is what "auto" may choose
_PATCHES_LARGE = Patches(cap=10_000)
#: the factor of the nano models on the cap of the later ones, whose own factor is not published for all of them
_PATCHES_LARGE_MINI = Patches(cap=10_000, factor=2.46)


def _openai(
    name: str,
    media: MediaTokens,
    output_limit: int,
    *,
    effort: str | None = None,
    vocabulary: str = "o200k_base",
    exact: bool = True,
) -> ModelInfo:
    return ModelInfo(
        name,
        Provider.OPENAI,
        media,
        vocabulary=vocabulary,
        vocabulary_exact=exact,
        output_limit=output_limit,
        thinking=effort,
        expected_thoughts={None: 0, "minimal": _MINIMAL_THOUGHTS}.get(effort, _LOW_THOUGHTS),
    )


_LATER = _openai("", _PATCHES_LARGE_MINI, _GPT_5_OUTPUT, effort="low", exact=False)

MODELS = ModelFamily(
    models=(
        _openai("gpt-5", _TILES_GPT_5, _GPT_5_OUTPUT, effort="minimal"),
        _openai("gpt-5-mini", _PATCHES_MINI, _GPT_5_OUTPUT, effort="minimal"),
        _openai("gpt-5-nano", _PATCHES_NANO, _GPT_5_OUTPUT, effort="minimal"),
        _openai("gpt-4.1", _TILES_4O, _GPT_4_1_OUTPUT),
        _openai("gpt-4.1-mini", _PATCHES_MINI, _GPT_4_1_OUTPUT),
        _openai("gpt-4.1-nano", _PATCHES_NANO, _GPT_4_1_OUTPUT),
        _openai("gpt-4o", _TILES_4O, _GPT_4O_OUTPUT),
        _openai("gpt-4o-mini", _TILES_4O_MINI, _GPT_4O_OUTPUT),
        _openai("o1", _TILES_O, _O_OUTPUT, effort="low"),
        _openai("o3", _TILES_O, _O_OUTPUT, effort="low"),
        _openai("o4-mini", _PATCHES_O4_MINI, _O_OUTPUT, effort="low"),
    ),
    # "low" is accepted by every model that reasons.
    patterns=(
        (re.compile(r"gpt-4o.*mini"), _openai("", _TILES_4O_MINI, _GPT_4O_OUTPUT)),
        (re.compile(r"gpt-4o|gpt-4\.|chatgpt-4o"), _openai("", _TILES_4O, _GPT_4O_OUTPUT)),
        (re.compile(r"gpt-(4|3\.5|35)"), _openai("", _TILES_4O, _GPT_4_OUTPUT, vocabulary="cl100k_base")),
        (re.compile(r"gpt-5-chat"), _openai("", _TILES_GPT_5, _GPT_4O_OUTPUT)),
        (re.compile(r"gpt-5.*(mini|nano)"), _openai("", _PATCHES_LARGE_MINI, _GPT_5_OUTPUT, effort="low")),
        (re.compile(r"gpt-5"), _openai("", _PATCHES_LARGE, _GPT_5_OUTPUT, effort="low")),
        (re.compile(r"o\d"), _openai("", _TILES_O, _O_OUTPUT, effort="low")),
        (re.compile(r"(chat)?gpt-"), _LATER),
    ),
    careful=_LATER,
)
