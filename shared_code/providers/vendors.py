"""The table of vendors: what the service must know of each vendor and of its models.

A vendor is one folder here, named like its member of :class:`~shared_code.records.Provider` in lower case. Its module
``vendor`` holds one record, ``VENDOR``, and nothing outside the folder knows a vendor's facts. A further vendor is thus
one more folder and one more member. Folders are imported on first use, their SDKs only with the first call.
"""

import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Protocol

from shared_code.records import Provider

if TYPE_CHECKING:
    from shared_code.providers.base import ModelProvider
    from shared_code.settings import Settings

WARN_DAYS = 60
#: (width, height) in pixels
Size = tuple[int, int]
#: What vendors append to a name without making it another model.
_SUFFIX = re.compile(r"-(latest|\d{3}|\d{4}-\d{2}-\d{2}|preview(-[\d-]+)?|exp(-[\d-]+)?)$")
_REMEMBERED_NAMES = 1024


class MediaTokens(Protocol):
    """What pages and images cost a family of models: input tokens, by the vendor's formula, as upper bounds.

    Reservations rest on these numbers, so where a vendor is known to charge one of several rates, the highest counts.
    Bills are never taken from here.
    """

    @property
    def charges_page_text(self) -> bool:
        """Whether the text of a PDF page is charged beside the page itself."""

    def image(self, size: Size | None) -> int:
        """Most tokens of one image; None = its size is not known."""

    def page(self, text_tokens: int) -> int:
        """Most tokens of one PDF page whose text has this many tokens."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What the service must know about a model.

    :ivar media: how its pages and images are charged.
    :ivar vocabulary: its text vocabulary, by the name that :mod:`shared_code.metering.vocabularies` knows.
    :ivar vocabulary_exact: whether the vendor names that vocabulary for the model.
    :ivar output_limit: most output tokens of one answer, thoughts included.
    :ivar thinking: what is asked for: an int is a budget of tokens, a str a level, None sends nothing.
    :ivar expected_thoughts: our allowance, in tokens, for thoughts at this setting; a part of what an answer may need.
    :ivar ends_on: day on which the vendor shuts the model down; None when no day is announced.
    :ivar known: False for an entry that was derived from the name.
    """

    name: str
    provider: Provider
    media: MediaTokens
    vocabulary: str
    vocabulary_exact: bool
    output_limit: int
    thinking: int | str | None = None
    expected_thoughts: int = 0
    ends_on: date | None = None
    successor: str | None = None
    known: bool = True


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """The models of one vendor.

    :ivar models: the known ones, by names without a version suffix.
    :ivar patterns: entries for the vendor's other names; the first that matches the name's beginning counts.
    :ivar careful: the entry for a name that looks like none of the vendor's; its estimates stay upper bounds.
    """

    models: tuple[ModelInfo, ...]
    patterns: tuple[tuple[re.Pattern[str], ModelInfo], ...]
    careful: ModelInfo

    def find(self, name: str) -> ModelInfo | None:
        """The model of this name, without its version suffix, or of its pattern; None when no entry fits."""
        wanted = plain_name(name)
        for candidate in (wanted, _SUFFIX.sub("", wanted)):
            for info in self.models:
                if info.name == candidate:
                    return replace(info, name=wanted)
        derived = next((info for pattern, info in self.patterns if pattern.match(wanted)), None)
        return None if derived is None else replace(derived, name=wanted, known=False)

    def info(self, name: str) -> ModelInfo:
        """The same for a name that is known to be meant for this vendor: never None."""
        return self.find(name) or replace(self.careful, name=plain_name(name), known=False)


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor.

    :ivar price_id: the vendor's id in the price list of genai-prices.
    :ivar configured: its models by the settings, the preferred one first; empty names and repetitions do no harm, but
        there must be one model at least.
    :ivar build: its client by the settings. Sends nothing yet and imports no SDK.
    """

    provider: Provider
    price_id: str
    models: ModelFamily
    configured: "Callable[[Settings], Sequence[str | None]]"
    build: "Callable[[Settings], ModelProvider]"


@cache
def vendor_of(provider: Provider) -> Vendor:
    """The vendor's record, from its folder."""
    module = importlib.import_module(f"shared_code.providers.{provider.name.lower()}.vendor")
    vendor: Vendor = module.VENDOR
    return vendor


def all_vendors() -> Iterator[Vendor]:
    """All vendors in the order of :class:`~shared_code.records.Provider`."""
    return (vendor_of(provider) for provider in Provider)


def configured_models(settings: "Settings") -> Mapping[Provider, Sequence[str]]:
    """Models of each provider by the settings, each once, the preferred one first."""
    return {
        vendor.provider: list(dict.fromkeys(name for name in vendor.configured(settings) if name))
        for vendor in all_vendors()
    }


def models_allowed(settings: "Settings") -> frozenset[str]:
    """Names that the ``model`` field of a request may hold: those of ALLOWED_MODELS and all that are configured."""
    named = {name.strip() for name in settings.allowed_models.split(",") if name.strip()}
    return frozenset(named.union(*configured_models(settings).values()))


def build_providers(settings: "Settings") -> "Mapping[Provider, ModelProvider]":
    """One client per vendor; nothing is sent yet, and no SDK is imported."""
    return {vendor.provider: vendor.build(settings) for vendor in all_vendors()}


def plain_name(name: str) -> str:
    """The name of a model without ``models/`` before it, in lower case, without blanks around it."""
    return name.strip().lower().removeprefix("models/")


@lru_cache(maxsize=_REMEMBERED_NAMES)
def find_model(name: str) -> ModelInfo | None:
    """What is known of a model of any vendor; None for a name that looks like no vendor's."""
    return next((info for vendor in all_vendors() if (info := vendor.models.find(name))), None)


def model_info(name: str) -> ModelInfo:
    """What is known of a model of any vendor.

    A name that looks like no vendor's is taken for one of the default provider, by its careful entry.
    """
    default = next(iter(Provider))
    return find_model(name) or vendor_of(default).models.info(name)


def models_near_end(names: Iterable[str | None], today: date) -> list[ModelInfo]:
    """The models among ``names`` that have ended or end within :data:`WARN_DAYS`, each once, soonest first."""
    infos = {info.name: info for info in (model_info(name) for name in names if name)}
    ending = [info for info in infos.values() if info.ends_on and (info.ends_on - today).days <= WARN_DAYS]
    return sorted(ending, key=lambda info: (info.ends_on or today, info.name))


def end_warning(info: ModelInfo, today: date) -> str:
    """One line for operators about a model that ends: when, and what to set instead."""
    if info.ends_on is None:
        return f"Model {info.name} has no announced end."
    verb = "ended" if info.ends_on < today else "ends"
    advice = f"; its successor is {info.successor}" if info.successor else ""
    return f"Model {info.name} {verb} on {info.ends_on.isoformat()}{advice}."
