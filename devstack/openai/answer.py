"""What the stand-in's "model" says, and usage that adds up: output includes reasoning, total = input + output."""

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from devstack.models.documents import Attachment
from devstack.models.faults import ANSWER, Fault
from devstack.models.questions import Question
from devstack.models.tokens import count_json, count_text, cut_to_tokens
from devstack.openai import media


@dataclass(frozen=True, slots=True)
class _Output:
    """``text`` None = no message; ``reason`` = why it is incomplete, None = completed."""

    text: str | None
    tokens: int = 0
    reasoning: int = 0
    reason: str | None = None
    refusal: str | None = None
    failure: str | None = None


def respond(
    question: Question, attachments: Sequence[Attachment], *, text: str, fault: Fault | None, reasoning: int
) -> dict[str, Any]:
    """The response body of a billed call, as usual or as a fault of OUTPUT_KINDS wants it."""
    output = _capped(text, question, reasoning)
    if fault is not None and fault.kind in _ALTERATIONS:
        output = _ALTERATIONS[fault.kind](output, fault.options, question)
    body: dict[str, Any] = {
        "id": f"resp_{secrets.token_hex(24)}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "failed" if output.failure else "incomplete" if output.reason else "completed",
        "error": {"code": "server_error", "message": output.failure} if output.failure else None,
        "incomplete_details": {"reason": output.reason} if output.reason else None,
        "instructions": question.system or None,
        "max_output_tokens": question.max_output_tokens,
        "metadata": {},
        "model": media.model_version(question.model),
        "output": _items(output),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "store": False,
        "tool_choice": "auto",
        "tools": [],
        "truncation": "disabled",
        "usage": _usage(question, attachments, output),
    }
    if fault is not None:
        _alter_usage(body, fault)
    return body


def input_tokens(question: Question, attachments: Sequence[Attachment]) -> int:
    """Tokens of prompt, schema, pages and pictures."""
    digits = media.DIGITS_PER_TOKEN
    total = sum(count_text(text, digits_per_token=digits) for text in (question.system, *question.texts))
    total += count_json(question.schema, digits_per_token=digits) if question.schema else 0
    for attachment in attachments:
        if attachment.is_image:
            total += media.image_tokens(question.model, attachment.size)
        elif attachment.is_pdf:
            total += sum(media.page_tokens(question.model, page) for page in attachment.pages)
        else:
            total += sum(count_text(page.text, digits_per_token=digits) for page in attachment.pages)
    return total


def _capped(text: str, question: Question, reasoning: int) -> _Output:
    reasoning = min(reasoning, question.max_output_tokens)
    room = question.max_output_tokens - reasoning
    count = _count(text)
    if count <= room:
        return _Output(text, count, reasoning)
    cut = cut_to_tokens(text, room, digits_per_token=media.DIGITS_PER_TOKEN)
    return _Output(cut or None, _count(cut), reasoning, reason="max_output_tokens")


def _count(text: str) -> int:
    return count_text(text, digits_per_token=media.DIGITS_PER_TOKEN)


def _scripted(output: _Output, options: Mapping[str, Any], question: Question) -> _Output:
    text = options["text"] if "text" in options else json.dumps(options.get("json"), ensure_ascii=False)
    return _capped(str(text), question, output.reasoning)


def _half(output: _Output, *, reason: str | None) -> _Output:
    text = (output.text or "")[: len(output.text or "") // 2]
    return replace(output, text=text, tokens=_count(text), reason=reason)


def _refusal(output: _Output, options: Mapping[str, Any], _question: Question) -> _Output:
    refusal = str(options.get("text", "I'm sorry, I cannot assist with that question."))
    return replace(output, text=None, refusal=refusal, tokens=_count(refusal))


_Alteration = Callable[[_Output, Mapping[str, Any], Question], _Output]
_ALTERATIONS: Mapping[str, _Alteration] = {
    ANSWER: _scripted,
    "broken_json": lambda output, _options, _question: _half(output, reason=None),
    "fenced_json": lambda output, _options, question: _capped(
        f"```json\n{output.text}\n```", question, output.reasoning
    ),
    "max_tokens_cut": lambda output, _options, _question: _half(output, reason="max_output_tokens"),
    "max_tokens_empty": lambda output, _options, question: replace(
        output, text=None, tokens=0, reasoning=question.max_output_tokens, reason="max_output_tokens"
    ),
    "content_filter": lambda output, _options, _question: _half(output, reason="content_filter"),
    "refusal": _refusal,
    "failed": lambda output, options, _question: replace(
        output, text=None, tokens=0, failure=str(options.get("message", "The model failed to answer."))
    ),
    "no_candidates": lambda output, _options, _question: replace(output, text=None, tokens=0),
}
#: Faults that change a billed answer instead of replacing it.
OUTPUT_KINDS = frozenset(_ALTERATIONS) | {"blind", "cached", "no_usage", "usage"}


def _items(output: _Output) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if output.reasoning:
        items.append({"id": f"rs_{secrets.token_hex(12)}", "type": "reasoning", "summary": []})
    content: dict[str, Any] | None = None
    if output.refusal is not None:
        content = {"type": "refusal", "refusal": output.refusal}
    elif output.text is not None:
        content = {"type": "output_text", "text": output.text, "annotations": [], "logprobs": []}
    if content:
        message = {"id": f"msg_{secrets.token_hex(12)}", "type": "message", "role": "assistant", "content": [content]}
        items.append(message | {"status": "incomplete" if output.reason else "completed"})
    return items


def _usage(question: Question, attachments: Sequence[Attachment], output: _Output) -> dict[str, Any]:
    tokens_in, tokens_out = input_tokens(question, attachments), output.tokens + output.reasoning
    return {
        "input_tokens": tokens_in,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": tokens_out,
        "output_tokens_details": {"reasoning_tokens": output.reasoning},
        "total_tokens": tokens_in + tokens_out,
    }


def _alter_usage(body: dict[str, Any], fault: Fault) -> None:
    if fault.kind == "no_usage":
        body["usage"] = None
    elif fault.kind == "cached":
        cached = min(int(fault.options.get("tokens", 100)), body["usage"]["input_tokens"])
        body["usage"]["input_tokens_details"]["cached_tokens"] = cached
    elif fault.kind == "usage":
        body["usage"].update(fault.options)
