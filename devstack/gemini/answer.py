"""What the stand-in's "model" says, and a usage block that adds up: total = prompt + candidates + thoughts."""

import base64
import json
import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from devstack.gemini import models
from devstack.models.documents import Attachment
from devstack.models.faults import ANSWER, Fault
from devstack.models.questions import Question
from devstack.models.tokens import count_json, count_text, cut_to_tokens

DEFAULT_PAGE_RATE = 560
OLD_PAGE_RATE = 258
_IMAGE_RATE = 1120
_RATES = {"MEDIA_RESOLUTION_LOW": 280, "MEDIA_RESOLUTION_HIGH": 1120}
_OLD_LOW_RATE = 64
_TILE_SIDE = 384
_REFUSALS = {
    "safety": "SAFETY",
    "recitation": "RECITATION",
    "spii": "SPII",
    "prohibited_content": "PROHIBITED_CONTENT",
    "blocklist": "BLOCKLIST",
}


@dataclass(frozen=True, slots=True)
class Rates:
    """What pages and thoughts cost. ``page_rate`` None = by the model's family."""

    page_rate: int | None = None
    thoughts: int = 0


@dataclass(frozen=True, slots=True)
class _Output:
    """One candidate in the making; ``text`` None = no parts, ``finish`` None = no candidate."""

    text: str | None
    finish: str | None = "STOP"
    candidate: int = 0
    thoughts: int = 0
    block_reason: str | None = None
    continuation: bool = False


def media_tokens(question: Question, attachments: Sequence[Attachment], rates: Rates) -> int:
    """Tokens of pages and pictures; the text layer of a PDF is free."""
    old = question.model.startswith("gemini-2.5")
    low = _OLD_LOW_RATE if old else _RATES["MEDIA_RESOLUTION_LOW"]
    total = 0
    for attachment in attachments:
        if attachment.is_pdf:
            page = rates.page_rate or (OLD_PAGE_RATE if old else DEFAULT_PAGE_RATE)
            if question.media_resolution == "MEDIA_RESOLUTION_LOW":
                page = low
            elif question.media_resolution == "MEDIA_RESOLUTION_HIGH" and not old:
                page = _RATES["MEDIA_RESOLUTION_HIGH"]
            total += page * len(attachment.pages)
        elif attachment.is_image and old:
            total += _tiles(attachment.size)
        elif attachment.is_image:
            medium = question.media_resolution == "MEDIA_RESOLUTION_MEDIUM"
            total += DEFAULT_PAGE_RATE if medium else _RATES.get(question.media_resolution or "", _IMAGE_RATE)
    return total


def text_tokens(question: Question, attachments: Sequence[Attachment]) -> int:
    """Tokens of everything that is text: prompt, system text, schema and attached text files."""
    total = sum(count_text(text) for text in (question.system, *question.texts))
    total += count_json(question.schema) if question.schema else 0
    attached = (
        page.text for attachment in attachments if attachment.mime_type.startswith("text/") for page in attachment.pages
    )
    return total + sum(count_text(text) for text in attached)


def respond(
    question: Question, attachments: Sequence[Attachment], *, text: str, fault: Fault | None, rates: Rates
) -> dict[str, Any]:
    """The response body of a billed call, as usual or as a fault of OUTPUT_KINDS wants it."""
    output = _capped(text, question, rates.thoughts)
    if fault is not None and fault.kind in _ALTERATIONS:
        output = _ALTERATIONS[fault.kind](output, fault.options, question)
    usage = _usage(question, attachments, output, rates)
    body: dict[str, Any] = {}
    if output.block_reason:
        body["promptFeedback"] = {"blockReason": output.block_reason}
    elif output.finish:
        body["candidates"] = [_candidate(output)]
    body |= {"usageMetadata": usage, "modelVersion": models.model_version(question.model)}
    body["responseId"] = secrets.token_urlsafe(16)
    if fault is not None:
        _alter_usage(body, fault)
    return body


def _capped(text: str, question: Question, thoughts: int) -> _Output:
    """The text as far as ``maxOutputTokens`` goes; thoughts come first and count against it."""
    thoughts = min(thoughts, question.max_output_tokens)
    room = question.max_output_tokens - thoughts
    count = count_text(text)
    if count <= room:
        return _Output(text, candidate=count, thoughts=thoughts)
    cut = cut_to_tokens(text, room)
    return _Output(cut or None, "MAX_TOKENS", candidate=count_text(cut), thoughts=thoughts)


def _scripted(output: _Output, options: Mapping[str, Any], question: Question) -> _Output:
    text = options["text"] if "text" in options else json.dumps(options.get("json"), ensure_ascii=False)
    return _capped(str(text), question, output.thoughts)


def _half(output: _Output, **changes: Any) -> _Output:
    text = (output.text or "")[: len(output.text or "") // 2]
    return replace(output, text=text, candidate=count_text(text), **changes)


def _refused(reason: str) -> "_Alteration":
    return lambda output, _options, _question: replace(output, text=None, finish=reason, candidate=0)


def _other_finish(output: _Output, options: Mapping[str, Any], _question: Question) -> _Output:
    return replace(output, finish=str(options.get("reason", "NEW_REASON_OF_TOMORROW")))


_Alteration = Callable[[_Output, Mapping[str, Any], Question], _Output]
_ALTERATIONS: Mapping[str, _Alteration] = {
    ANSWER: _scripted,
    "broken_json": lambda output, _options, _question: _half(output),
    "fenced_json": lambda output, _options, question: _capped(
        f"```json\n{output.text}\n```", question, output.thoughts
    ),
    "max_tokens_cut": lambda output, _options, _question: _half(output, finish="MAX_TOKENS"),
    "max_tokens_empty": lambda output, _options, question: replace(
        output, text=None, finish="MAX_TOKENS", candidate=0, thoughts=question.max_output_tokens
    ),
    "prompt_blocked": lambda _output, options, _question: _Output(
        None, None, block_reason=str(options.get("reason", "PROHIBITED_CONTENT"))
    ),
    "no_candidates": lambda _output, _options, _question: _Output(None, None),
    "unknown_finish": _other_finish,
    "finish": _other_finish,
    "continuation": lambda output, _options, _question: _half(output, finish="CONTINUATION", continuation=True),
    **{kind: _refused(reason) for kind, reason in _REFUSALS.items()},
}
#: Faults that change a billed answer instead of replacing it.
OUTPUT_KINDS = frozenset(_ALTERATIONS) | {"blind", "cached", "no_usage", "usage"}


def _candidate(output: _Output) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model"}, "finishReason": output.finish, "index": 0}
    if output.text is not None:
        candidate["content"]["parts"] = [{"text": output.text}]
    if output.finish == "SAFETY":
        del candidate["content"]
        candidate["safetyRatings"] = [
            {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}
        ]
    if output.continuation:
        candidate["continuationToken"] = base64.b64encode(secrets.token_bytes(24)).decode()
    return candidate


def _usage(question: Question, attachments: Sequence[Attachment], output: _Output, rates: Rates) -> dict[str, Any]:
    """Zero fields are left out, as the service does."""
    text, media = text_tokens(question, attachments), media_tokens(question, attachments, rates)
    name = "DOCUMENT" if question.model.startswith("gemini-2.5") and any(a.is_pdf for a in attachments) else "IMAGE"
    usage: dict[str, Any] = {
        "promptTokenCount": text + media,
        "candidatesTokenCount": output.candidate,
        "totalTokenCount": text + media + output.candidate + output.thoughts,
        "promptTokensDetails": _details({"TEXT": text, name: media}),
        "candidatesTokensDetails": _details({"TEXT": output.candidate}),
        "thoughtsTokenCount": output.thoughts,
    }
    return {key: value for key, value in usage.items() if value}


def _alter_usage(body: dict[str, Any], fault: Fault) -> None:
    usage = body["usageMetadata"]
    if fault.kind == "no_usage":
        del body["usageMetadata"]
    elif fault.kind == "cached":
        cached = min(int(fault.options.get("tokens", 100)), usage["promptTokenCount"])
        usage["cachedContentTokenCount"] = cached
        usage["cacheTokensDetails"] = _details({"TEXT": cached})
    elif fault.kind == "usage":
        usage.update(fault.options)


def _details(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"modality": name, "tokenCount": count} for name, count in counts.items() if count]


def _tiles(size: tuple[int, int] | None) -> int:
    if size is None:
        return OLD_PAGE_RATE
    width, height = size
    if max(width, height) <= _TILE_SIDE:
        return OLD_PAGE_RATE
    unit = min(max(math.floor(min(width, height) / 1.5), 256), 768)
    return OLD_PAGE_RATE * math.ceil(width / unit) * math.ceil(height / unit)
