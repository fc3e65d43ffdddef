"""The models that the service knows, as one table: what differs between them stands here and nowhere in code.

A name that the table does not hold is served by the careful entry of its family (``known`` is False), so that a new
model can be tried by setting its name. Nothing here imports an SDK.

End dates and limits are the vendors' as of 2026-11-21; ``expected_thoughts`` is our own allowance for the thinking
setting that we send, and part of what an answer may need.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from shared_code.records import Provider

WARN_DAYS = 60


class MediaRule(StrEnum):
    """How a model charges pages and images; the formulas are in ``media_tokens``."""

    GEMINI_3 = "gemini 3"
    GEMINI_2 = "gemini 2"
    OPENAI_TILES = "openai tiles"
    OPENAI_PATCHES = "openai patches"


@dataclass(frozen=True, slots=True)
class ImageRate:
    """Numbers of an image rule: tokens per image and tile (tiles), or cap of patches and their factor (patches)."""

    base: int = 0
    tile: int = 0
    patch_cap: int = 0
    patch_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What the service must know about a model.

    :ivar thinking: what we ask for: an int is a budget of tokens, a str a level, None sends nothing.
    :ivar vocabulary: text vocabulary, by the name ``token_counter`` knows.
    :ivar vocabulary_exact: whether the vendor names that vocabulary for the model.
    :ivar expected_thoughts: tokens that an answer may spend on thoughts at this setting.
    :ivar known: False for an entry that was derived from the name.
    """

    name: str
    provider: Provider
    media_rule: MediaRule
    vocabulary: str
    vocabulary_exact: bool
    output_limit: int
    thinking: int | str | None = None
    expected_thoughts: int = 0
    image_rate: ImageRate = ImageRate()
    ends_on: date | None = None
    successor: str | None = None
    known: bool = True


_TILES_4O = ImageRate(base=85, tile=170)
_TILES_4O_MINI = ImageRate(base=2833, tile=5667)
_TILES_GPT_5 = ImageRate(base=70, tile=140)
_TILES_O = ImageRate(base=75, tile=150)
_PATCHES_MINI = ImageRate(patch_cap=1536, patch_factor=1.62)
_PATCHES_NANO = ImageRate(patch_cap=1536, patch_factor=2.46)
_PATCHES_O4_MINI = ImageRate(patch_cap=1536, patch_factor=1.72)
#: the cap at detail "original", which is what "auto" may choose
_PATCHES_LARGE = ImageRate(patch_cap=10_000)
#: the mini factor on the cap of the later models: their own factor is not published for all of them
_PATCHES_LARGE_MINI = ImageRate(patch_cap=10_000, patch_factor=2.46)

_GEMINI_OUTPUT = 65_536
_GPT_5_OUTPUT = 128_000
_GPT_4_1_OUTPUT = 32_768
_GPT_4O_OUTPUT = 16_384
_O_OUTPUT = 100_000

_MINIMAL_THOUGHTS = 128
_LOW_THOUGHTS = 1024
_SMALLEST_PRO_BUDGET = 128


def _gemini_3(name: str, *, exact: bool = False, thinking: str = "low", **more: date | str) -> ModelInfo:
    info = ModelInfo(
        name,
        Provider.GEMINI,
        MediaRule.GEMINI_3,
        "gemma4",
        exact,
        _GEMINI_OUTPUT,
        thinking,
        _MINIMAL_THOUGHTS if thinking == "minimal" else _LOW_THOUGHTS,
    )
    return replace(info, **more)  # type: ignore[arg-type]


def _gemini_2(name: str, *, budget: int | None = 0, output: int = _GEMINI_OUTPUT, **more: date | str) -> ModelInfo:
    info = ModelInfo(
        name, Provider.GEMINI, MediaRule.GEMINI_2, "gemma3", vocabulary_exact=True, output_limit=output, thinking=budget
    )
    return replace(info, expected_thoughts=budget or 0, **more)  # type: ignore[arg-type]


def _openai(
    name: str, rate: ImageRate, output: int, *, effort: str | None = None, vocabulary: str = "o200k_base"
) -> ModelInfo:
    rule = MediaRule.OPENAI_PATCHES if rate.patch_cap else MediaRule.OPENAI_TILES
    thoughts = {None: 0, "minimal": _MINIMAL_THOUGHTS}.get(effort, _LOW_THOUGHTS)
    exact = vocabulary == "cl100k_base" or not name.startswith("gpt-6")
    return ModelInfo(name, Provider.OPENAI, rule, vocabulary, exact, output, effort, thoughts, rate)


_TABLE: tuple[ModelInfo, ...] = (
    _gemini_3("gemini-3.5-flash-lite", thinking="minimal"),
    _gemini_3("gemini-3.8-flash"),
    _gemini_3("gemini-3.7-flash"),
    _gemini_3("gemini-3.6-flash", thinking="minimal"),
    _gemini_3("gemini-3.5-flash", exact=True, thinking="minimal"),
    _gemini_3("gemini-3.1-flash-lite", exact=True, thinking="minimal", ends_on=date(2027, 5, 7)),
    _gemini_3("gemini-3.1-pro", exact=True),
    _gemini_3("gemini-4-argon"),
    _gemini_2("gemini-2.5-flash-lite"),
    _gemini_2("gemini-2.5-flash", ends_on=date(2026, 12, 1), successor="gemini-3.5-flash-lite"),
    _gemini_2("gemini-2.5-pro", budget=_SMALLEST_PRO_BUDGET, ends_on=date(2026, 12, 1), successor="gemini-3.8-flash"),
    _gemini_2(
        "gemini-2.0-flash",
        budget=None,
        output=8192,
        ends_on=date(2026, 6, 1),
        successor="gemini-3.5-flash-lite",
    ),
    _gemini_2(
        "gemini-2.0-flash-lite",
        budget=None,
        output=8192,
        ends_on=date(2026, 6, 1),
        successor="gemini-3.5-flash-lite",
    ),
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
)
_BY_NAME = {info.name: info for info in _TABLE}

#: Entries for names that the table does not hold; the first match counts. "low" is accepted by every thinking model.
_FAMILIES: tuple[tuple[re.Pattern[str], ModelInfo], ...] = (
    (re.compile(r"gemini-[12]\."), _gemini_2("", budget=None)),
    (re.compile(r"gemini-3-(pro|flash)-preview"), replace(_gemini_3(""), vocabulary="gemma3", vocabulary_exact=True)),
    (re.compile(r"gemini"), _gemini_3("")),
    (re.compile(r"gpt-4o.*mini"), _openai("", _TILES_4O_MINI, _GPT_4O_OUTPUT)),
    (re.compile(r"gpt-4o|gpt-4\.|chatgpt-4o"), _openai("", _TILES_4O, _GPT_4O_OUTPUT)),
    (re.compile(r"gpt-(4|3\.5|35)"), _openai("", _TILES_4O, 4096, vocabulary="cl100k_base")),
    (re.compile(r"gpt-5-chat"), _openai("", _TILES_GPT_5, _GPT_4O_OUTPUT)),
    (re.compile(r"gpt-5.*(mini|nano)"), _openai("", _PATCHES_LARGE_MINI, _GPT_5_OUTPUT, effort="low")),
    (re.compile(r"gpt-5"), _openai("", _PATCHES_LARGE, _GPT_5_OUTPUT, effort="low")),
    (re.compile(r"o\d"), _openai("", _TILES_O, _O_OUTPUT, effort="low")),
    (re.compile(r"gpt-"), _openai("gpt-6", _PATCHES_LARGE_MINI, _GPT_5_OUTPUT, effort="low")),
)
#: What vendors append to a name without making it another model.
_SUFFIX = re.compile(r"-(latest|\d{3}|\d{4}-\d{2}-\d{2}|preview(-[\d-]+)?|exp(-[\d-]+)?)$")


def plain_name(name: str) -> str:
    """The name without ``models/``, case and blanks."""
    return name.strip().lower().removeprefix("models/")


def model_info(name: str) -> ModelInfo:
    """Look a model up by its name, by the name without a version suffix, or by its family.

    A name of no known family is treated as the costliest Gemini model: estimates stay upper bounds.
    """
    wanted = plain_name(name)
    if wanted in _BY_NAME:
        return _BY_NAME[wanted]
    shortened = _SUFFIX.sub("", wanted)
    if shortened in _BY_NAME:
        return replace(_BY_NAME[shortened], name=wanted)
    family = next((info for pattern, info in _FAMILIES if pattern.match(wanted)), _gemini_3(""))
    return replace(family, name=wanted, known=False)


def known_models() -> tuple[ModelInfo, ...]:
    """All entries of the table."""
    return _TABLE


def models_near_end(names: Iterable[str | None], today: date, *, within_days: int = WARN_DAYS) -> list[ModelInfo]:
    """The models among ``names`` that have ended or will end within so many days, each once, soonest first."""
    infos = {info.name: info for info in (model_info(name) for name in names if name)}
    ending = [info for info in infos.values() if info.ends_on and (info.ends_on - today).days <= within_days]
    return sorted(ending, key=lambda info: (info.ends_on or today, info.name))


def end_warning(info: ModelInfo, today: date) -> str:
    """One line for operators about a model that ends: when, and what to set instead."""
    if info.ends_on is None:
        return f"Model {info.name} has no announced end."
    verb = "ended" if info.ends_on < today else "ends"
    advice = f"; its successor is {info.successor}" if info.successor else ""
    return f"Model {info.name} {verb} on {info.ends_on.isoformat()}{advice}."
