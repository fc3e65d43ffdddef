"""What is asked of a model about a document: which models, which parts, and how many tokens it can cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from shared_code.database import key_cipher
from shared_code.documents.document import Document, page_texts
from shared_code.documents.file_type import Kind
from shared_code.documents.page_ranges import PageRange
from shared_code.extraction.answer.prompt import SYSTEM, build_prompt, build_structured_prompt
from shared_code.extraction.answer.wire_schema import WIRE_SCHEMA
from shared_code.metering.estimates import SafetyFactors, TokenCounter, expected_output, output_cap
from shared_code.metering.keys import CompanyKeys
from shared_code.providers.base import Media, ModelRequest
from shared_code.providers.vendors import model_info
from shared_code.records import ApiKey, CallIdentity, Provider, TokenRequest


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The provider and model to start with, and the models of each provider in order of preference."""

    provider: Provider
    model: str
    models: Mapping[Provider, Sequence[str]]


@dataclass(slots=True)
class Place:
    """Where the next call goes. ``spent`` are keys that the provider refused for this run, see :func:`mark_of`."""

    provider: Provider
    model: str
    spent: set[tuple[int | None, str]] = field(default_factory=set)
    same_key_tries: int = 0

    def with_other_providers(self, models: Mapping[Provider, Sequence[str]]) -> "list[Place]":
        """This place, then the preferred model of each other provider."""
        others = [
            Place(provider, names[0], spent=set(self.spent))
            for provider, names in models.items()
            if names and provider is not self.provider
        ]
        return [self, *others]


def mark_of(key: ApiKey | None) -> tuple[int | None, str]:
    """What tells a key from others, and from one that took its place in the row meanwhile."""
    return (None, "") if key is None else (key.token_id, key_cipher.fingerprint(key.secret))


@dataclass(frozen=True, slots=True)
class SecondLook:
    """The document's own text and its pages as images: what a model that saw an empty page is shown instead."""

    pages: Sequence[Media]
    texts: Sequence[str]


@dataclass(frozen=True)
class CallPlan:
    """One way to ask about one document. Bounds and caps are model tokens.

    :ivar second_look: what is shown in place of the document itself.
    :ivar larger: whether an earlier answer was cut, so that the next one gets more room.
    :ivar rows: rows of tables that were counted on each page, None for a page of which nothing is known; empty when
        nothing is known of any.
    :ivar pages: the pages of a longer document that ``document`` holds; None when it is the whole document.
    """

    document: Document
    choice: ModelChoice
    counter: TokenCounter
    factors: SafetyFactors
    second_look: SecondLook | None = None
    larger: bool = False
    rows: Sequence[int | None] = ()
    pages: PageRange | None = None
    _input_bounds: dict[str, int] = field(default_factory=dict, repr=False)

    def request(self, model: str, cap: int) -> ModelRequest:
        """The provider's request for a model and a cap on the output."""
        return ModelRequest(
            model=model,
            prompt=self._prompt,
            schema=WIRE_SCHEMA,
            media=tuple(self.second_look.pages) if self.second_look else self.document.media,
            max_output_tokens=cap,
            system=SYSTEM,
        )

    def input_bound(self, model: str) -> int:
        """Upper bound of the input; the same throughout a run, also when a miss raises the factor meanwhile."""
        if model not in self._input_bounds:
            charged = self.document.kind is Kind.PDF and model_info(model).media.charges_page_text
            self._input_bounds[model] = self.counter.estimate_input(
                self.request(model, 1),
                page_count=self.document.page_count,
                image_sizes=self.document.image_sizes,
                page_texts=self._own_text if charged else None,
                safety_factor=self.factors.of(model),
            )
        return self._input_bounds[model]

    def output_cap(self, model: str) -> int:
        """The answer that we would allow, thoughts included."""
        info = model_info(model)
        pages, thoughts = self.document.page_count, info.expected_thoughts
        wanted = output_cap(pages, self.rows, thoughts_tokens=thoughts, larger=self.larger)
        return min(wanted, info.output_limit)

    def output_floor(self, model: str) -> int:
        """The answer that the document is expected to need."""
        if self.larger:
            return self.output_cap(model) // 2
        return expected_output(self.document.page_count, self.rows)

    def token_request(
        self, model: str, *, identity: CallIdentity, attempt: int, lease_seconds: int, least_tokens: int = 0
    ) -> TokenRequest:
        """What one call of a model asks of the budgets.

        :param least_tokens: what an earlier run has found the whole document to need.
        """
        input_bound, cap = self.input_bound(model), self.output_cap(model)
        least = 0 if self.pages else least_tokens
        least_output = min(least - input_bound, model_info(model).output_limit)
        return TokenRequest(
            identity=identity,
            attempt=attempt,
            model=model,
            input_bound=input_bound,
            output_cap=max(cap, least_output),
            output_floor=max(self.output_floor(model), least_output),
            lease_seconds=lease_seconds,
        )

    def with_more_room(self) -> "CallPlan":
        """The same question with room for a longer answer."""
        return replace(self, larger=True)

    def can_grow(self, model: str) -> bool:
        """Whether the model may give a longer answer than this plan allows."""
        return self.with_more_room().output_cap(model) > self.output_cap(model)

    def with_rows(self, rows: Sequence[int | None]) -> "CallPlan":
        """The same question, its answer's length by the rows that were counted on the pages."""
        return replace(self, rows=rows)

    def for_pages(self, pages: PageRange, document: Document) -> "CallPlan":
        """The question about some pages of the document; ``document`` holds those only."""
        if document is self.document:
            return self
        rows = self.rows[pages.first - 1 : pages.last]
        return replace(self, document=document, rows=rows, pages=pages, larger=False, _input_bounds={})

    def with_upright(self, document: Document) -> "CallPlan":
        """The same question about the document with its pages turned upright."""
        return self if document is self.document else replace(self, document=document, _input_bounds={})

    def with_second_look(self, second_look: SecondLook) -> "CallPlan":
        """The question asked with the document's text and pictures of its pages."""
        return replace(self, second_look=second_look, _input_bounds={})

    @cached_property
    def _prompt(self) -> str:
        look = self.second_look
        text = "\n\f\n".join(look.texts) if look else None
        if self.document.structured is not None:
            return build_structured_prompt(self.document.structured.text)
        return build_prompt(
            page_count=self.document.page_count,
            document_text=text,
            second_look=look is not None,
            part=str(self.pages) if self.pages else None,
        )

    @cached_property
    def _own_text(self) -> Sequence[str]:
        return self.second_look.texts if self.second_look else page_texts(self.document).pages


@dataclass(frozen=True, slots=True)
class CallPlanner:
    """Chooses models and makes plans. One for the process.

    :ivar models: configured models per provider, the preferred one first.
    """

    models: Mapping[Provider, Sequence[str]]
    counter: TokenCounter
    factors: SafetyFactors

    def choose(self, company: CompanyKeys, *, asked_model: str | None) -> ModelChoice:
        """Which model to ask first; the company's own goes before the configured ones of the first provider.

        :raises errors.TokenUnavailable: no key is of the asked model's provider.
        :raises errors.QuotaExceeded: the limit of those that are is used up.
        """
        providers = {key.provider for key in company.keys}
        if asked_model is not None:
            provider = model_info(asked_model).provider
            if provider not in providers:
                raise company.refusal_of(provider)
            return ModelChoice(provider, asked_model, {provider: [asked_model]})
        models = {provider: names for provider, names in self.models.items() if provider in providers}
        first = next(iter(models))
        if company.model is not None:
            models[first] = list(dict.fromkeys([company.model, *models[first]]))
        return ModelChoice(first, models[first][0], models)

    def plan(self, document: Document, choice: ModelChoice) -> CallPlan:
        """Ask about the document as it is, with the plain prompt."""
        return CallPlan(document, choice, self.counter, self.factors)
