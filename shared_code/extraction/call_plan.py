"""What is asked of a model about a document: which models, which parts, and how many tokens it can cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared_code import errors
from shared_code.documents.document import Document, page_texts
from shared_code.documents.file_type import Kind
from shared_code.extraction.answer.prompt import SYSTEM, build_prompt
from shared_code.extraction.answer.wire_schema import WIRE_SCHEMA
from shared_code.extraction.context import Question
from shared_code.metering import call_bounds
from shared_code.providers.base import Media, ModelRequest
from shared_code.providers.catalog import MediaRule, model_info
from shared_code.records import ApiKey, Provider

if TYPE_CHECKING:
    from shared_code.metering.call_bounds import SafetyFactors
    from shared_code.metering.estimates import TokenCounter


@dataclass(frozen=True, slots=True)
class Plan:
    """The provider and model to start with, and the models of each provider in order of preference."""

    provider: Provider
    model: str
    models: Mapping[Provider, Sequence[str]]


class Questions:
    """Builds questions within a model's limits.

    :param models: configured models per provider, the preferred one first.
    """

    def __init__(
        self, models: Mapping[Provider, Sequence[str]], counter: "TokenCounter", factors: "SafetyFactors"
    ) -> None:
        self._models = models
        self._counter = counter
        self._factors = factors

    def plan(self, keys: Sequence[ApiKey], *, asked_model: str | None, preferred: str | None = None) -> Plan:
        """Which model to ask first. Raises :class:`errors.TokenUnavailable` when no key is of its provider.

        :param preferred: goes before the configured models of the first provider.
        """
        providers = {key.provider for key in keys}
        if asked_model is not None:
            provider = model_info(asked_model).provider
            if provider not in providers:
                raise errors.TokenUnavailable
            return Plan(provider, asked_model, {provider: [asked_model]})
        models = {provider: names for provider, names in self._models.items() if provider in providers}
        first = next(iter(models))
        if preferred is not None:
            models[first] = list(dict.fromkeys([preferred, *models[first]]))
        return Plan(first, models[first][0], models)

    def first(self, document: Document, plan: Plan) -> Question:
        """The document as it is, with the plain prompt."""
        return self._question(document, plan, document.media, text=None, own_text=_read_once(document))

    def larger(self, question: Question, document: Document) -> Question:
        """The same question with room for a longer answer."""

        def cap(model: str) -> int:
            info = model_info(model)
            wanted = call_bounds.output_cap(document.page_count, thoughts_tokens=info.expected_thoughts, larger=True)
            return min(wanted, info.output_limit)

        return replace(question, output_cap=cap, output_floor=cap(next(iter(question.models.values()))[0]) // 2)

    def second_look(self, document: Document, plan: Plan, *, pages: Sequence[Media], texts: Sequence[str]) -> Question:
        """The document's own text and its pages as images: what a model that saw an empty page is shown instead."""
        return self._question(document, plan, pages, text="\n\f\n".join(texts), own_text=lambda: texts)

    def _question(
        self,
        document: Document,
        plan: Plan,
        media: Sequence[Media],
        *,
        text: str | None,
        own_text: Callable[[], Sequence[str]],
    ) -> Question:
        prompt = build_prompt(page_count=document.page_count, document_text=text, second_look=text is not None)

        def build(model: str, cap: int) -> ModelRequest:
            return ModelRequest(
                model=model,
                prompt=prompt,
                schema=WIRE_SCHEMA,
                media=tuple(media),
                max_output_tokens=cap,
                system=SYSTEM,
            )

        def cap(model: str) -> int:
            info = model_info(model)
            wanted = call_bounds.output_cap(document.page_count, thoughts_tokens=info.expected_thoughts)
            return min(wanted, info.output_limit)

        return Question(
            build=build,
            models=plan.models,
            input_bound=_remembered(lambda model: self._input_bound(build(model, 1), document, own_text)),
            output_cap=cap,
            output_floor=call_bounds.expected_output(document.page_count),
        )

    def _input_bound(self, request: ModelRequest, document: Document, own_text: Callable[[], Sequence[str]]) -> int:
        # The text of a PDF is charged beside its pages by all families but Gemini 3.
        charged = document.kind is Kind.PDF and model_info(request.model).media_rule is not MediaRule.GEMINI_3
        return self._counter.estimate_input(
            request,
            page_count=document.page_count,
            image_sizes=document.image_sizes,
            page_texts=own_text() if charged else None,
            safety_factor=self._factors.of(request.model),
        )


def _read_once(document: Document) -> Callable[[], Sequence[str]]:
    """The document's own text, read when it is first asked for."""
    known: list[Sequence[str]] = []

    def pages() -> Sequence[str]:
        if not known:
            known.append(page_texts(document).pages)
        return known[0]

    return pages


def _remembered(count: Callable[[str], int]) -> Callable[[str], int]:
    """The same bound for the same model throughout a run, also when a miss raises the factor meanwhile."""
    known: dict[str, int] = {}

    def counted(model: str) -> int:
        if model not in known:
            known[model] = count(model)
        return known[model]

    return counted
