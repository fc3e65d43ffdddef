"""What the stand-in's "model" says, and a usage block that adds up: total = prompt + candidates + thoughts."""

import base64
import json
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from devstack.gemini import models
from devstack.gemini.request import GenerateRequest
from devstack.models.documents import Attachment, document_pages
from devstack.models.faults import Fault
from devstack.models.reading.fill import fill
from devstack.models.reading.invoice import DocumentReading, read_document
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
#: Faults that change a billed answer instead of replacing it.
OUTPUT_KINDS = frozenset(_REFUSALS) | frozenset(
    [
        "answer",
        "broken_json",
        "fenced_json",
        "max_tokens_cut",
        "max_tokens_empty",
        "prompt_blocked",
        "no_candidates",
        "unknown_finish",
        "finish",
        "continuation",
        "cached",
        "no_usage",
        "usage",
    ]
)


@dataclass(frozen=True, slots=True)
class Rates:
    """What pages and thoughts cost. ``page_rate`` None = by the model's family."""

    page_rate: int | None = None
    thoughts: int = 0


@dataclass(frozen=True, slots=True)
class _Output:
    """One candidate before it is put into the vendor's form; ``text`` None = no parts, ``finish`` None = no candidate."""

    text: str | None
    finish: str | None = "STOP"
    candidate: int = 0
    thoughts: int = 0
    block_reason: str | None = None
    continuation: bool = False


def media_tokens(request: GenerateRequest, attachments: Sequence[Attachment], rates: Rates) -> int:
    """Tokens of pages and pictures; the text layer of a PDF is free."""
    old = request.model.startswith("gemini-2.5")
    low = _OLD_LOW_RATE if old else _RATES["MEDIA_RESOLUTION_LOW"]
    total = 0
    for attachment in attachments:
        if attachment.is_pdf:
            page = rates.page_rate or (OLD_PAGE_RATE if old else DEFAULT_PAGE_RATE)
            if request.media_resolution == "MEDIA_RESOLUTION_LOW":
                page = low
            elif request.media_resolution == "MEDIA_RESOLUTION_HIGH" and not old:
                page = _RATES["MEDIA_RESOLUTION_HIGH"]
            total += page * len(attachment.pages)
        elif attachment.is_image and old:
            total += _tiles(attachment.size)
        elif attachment.is_image:
            medium = request.media_resolution == "MEDIA_RESOLUTION_MEDIUM"
            total += DEFAULT_PAGE_RATE if medium else _RATES.get(request.media_resolution or "", _IMAGE_RATE)
    return total


def text_tokens(request: GenerateRequest, attachments: Sequence[Attachment]) -> int:
    """Tokens of everything that is text: prompt, system text, schema and attached text files."""
    total = sum(count_text(text) for text in (request.system, *request.texts))
    total += count_json(request.schema) if request.schema else 0
    attached = (
        page.text for attachment in attachments if attachment.mime_type.startswith("text/") for page in attachment.pages
    )
    return total + sum(count_text(text) for text in attached)


def read(request: GenerateRequest, attachments: Sequence[Attachment]) -> str:
    """The model's text: the schema of the request filled with what the document really says."""
    pages = document_pages(attachments, request.texts)
    reading = read_document(pages)
    if request.schema:
        return json.dumps(fill(request.schema, reading), ensure_ascii=False)
    return _plain_answer(reading, sum(len(row.text.split()) for page in pages for row in page.rows))


def respond(
    request: GenerateRequest, attachments: Sequence[Attachment], *, text: str, fault: Fault | None, rates: Rates
) -> dict[str, Any]:
    """The response body of a billed call, as usual or as a fault of OUTPUT_KINDS wants it."""
    output = _capped(text, request, rates)
    if fault is not None:
        output = _altered(output, fault, request, rates)
    usage = _usage(request, attachments, output, rates)
    body: dict[str, Any] = {}
    if output.block_reason:
        body["promptFeedback"] = {"blockReason": output.block_reason}
    elif output.finish:
        body["candidates"] = [_candidate(output)]
    body |= {"usageMetadata": usage, "modelVersion": models.model_version(request.model)}
    body["responseId"] = secrets.token_urlsafe(16)
    if fault is not None:
        _alter_usage(body, fault)
    return body


def _plain_answer(reading: DocumentReading, words: int) -> str:
    if not reading.invoices:
        return f"I have read {words} words and found no invoice in them."
    values = (value for value in reading.invoices[0].items() if isinstance(value[1], str))
    return "\n".join(f"{name}: {value}" for name, value in values)


def _capped(text: str, request: GenerateRequest, rates: Rates) -> _Output:
    """The text as far as ``maxOutputTokens`` goes; thoughts come first and count against it."""
    thoughts = min(rates.thoughts, request.max_output_tokens)
    room = request.max_output_tokens - thoughts
    count = count_text(text)
    if count <= room:
        return _Output(text, candidate=count, thoughts=thoughts)
    cut = cut_to_tokens(text, room)
    return _Output(cut or None, "MAX_TOKENS", candidate=count_text(cut), thoughts=thoughts)


def _altered(output: _Output, fault: Fault, request: GenerateRequest, rates: Rates) -> _Output:
    kind, options = fault.kind, fault.options
    half = (output.text or "")[: len(output.text or "") // 2]
    if kind in _REFUSALS:
        return replace(output, text=None, finish=_REFUSALS[kind], candidate=0)
    if kind == "answer":
        text = options["text"] if "text" in options else json.dumps(options.get("json"), ensure_ascii=False)
        return _capped(str(text), request, rates)
    if kind == "broken_json":
        return replace(output, text=half, candidate=count_text(half))
    if kind == "fenced_json":
        return _capped(f"```json\n{output.text}\n```", request, rates)
    if kind == "max_tokens_cut":
        return replace(output, text=half, finish="MAX_TOKENS", candidate=count_text(half))
    if kind == "max_tokens_empty":
        return replace(output, text=None, finish="MAX_TOKENS", candidate=0, thoughts=request.max_output_tokens)
    if kind == "prompt_blocked":
        reason = str(options.get("reason", "PROHIBITED_CONTENT"))
        return _Output(None, None, block_reason=reason)
    if kind == "no_candidates":
        return _Output(None, None)
    if kind in {"unknown_finish", "finish"}:
        return replace(output, finish=str(options.get("reason", "NEW_REASON_OF_TOMORROW")))
    if kind == "continuation":
        return replace(output, text=half, finish="CONTINUATION", candidate=count_text(half), continuation=True)
    return output


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


def _usage(
    request: GenerateRequest, attachments: Sequence[Attachment], output: _Output, rates: Rates
) -> dict[str, Any]:
    """Zero fields are left out, as the service does."""
    text, media = text_tokens(request, attachments), media_tokens(request, attachments, rates)
    name = "DOCUMENT" if request.model.startswith("gemini-2.5") and any(a.is_pdf for a in attachments) else "IMAGE"
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
