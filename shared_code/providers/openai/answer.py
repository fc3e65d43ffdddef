"""Reads the body of an OpenAI response (HTTP 200): what the model said, why it stopped, what it cost.

Fields are those of ``Response`` in openai 3.54.0 (Responses API). Works on the JSON and not on SDK objects, because a
billed answer must be booked also when it holds values that no SDK version knows.
"""

from collections.abc import Mapping
from typing import Any

from shared_code.providers.base import Finish, ModelAnswer
from shared_code.providers.openai.errors import classify_failed_answer
from shared_code.providers.transport import answer_of, count_of, mapping, mappings, text_or_none
from shared_code.records import Usage

_REFUSALS = frozenset({"content_filter"})


def read_answer(body: str | None) -> ModelAnswer:
    """Read one body.

    :raises ModelCallFailed: it is no answer, or a failed one that reports no usage.
    """
    content = answer_of(body, any_of=("output", "usage", "status"))
    usage = read_usage(content.get("usage"))
    if content.get("status") == "failed" and not usage.measured:
        raise classify_failed_answer(content.get("error"))
    finish, reason, text = _outcome(content)
    return ModelAnswer(text, usage, finish, model_version=text_or_none(content.get("model")), reason=reason)


def read_usage(metadata: Any) -> Usage:
    """Map ``usage`` to :class:`Usage`: its output includes the reasoning, its input the cached tokens."""
    if not isinstance(metadata, Mapping):
        return Usage()
    input_details = mapping(metadata.get("input_tokens_details"))
    output_details = mapping(metadata.get("output_tokens_details"))
    modalities = {
        "text_prompt_tokens": count_of(input_details.get("text_tokens")),
        "image_prompt_tokens": count_of(input_details.get("image_tokens")),
        "text_candidates_tokens": count_of(output_details.get("text_tokens")),
    }
    return Usage(
        input_tokens=count_of(metadata.get("input_tokens")),
        output_tokens=count_of(metadata.get("output_tokens")),
        total_tokens=count_of(metadata.get("total_tokens")),
        thoughts_tokens=count_of(output_details.get("reasoning_tokens")),
        cached_tokens=count_of(input_details.get("cached_tokens")),
        modalities={name: count for name, count in modalities.items() if count},
    )


def _outcome(content: Mapping[str, Any]) -> tuple[Finish, str | None, str]:
    parts = [part for item in mappings(content.get("output")) for part in mappings(item.get("content"))]
    text = "".join(str(part.get("text") or "") for part in parts if part.get("type") == "output_text")
    if content.get("status") == "incomplete":
        reason = text_or_none(mapping(content.get("incomplete_details")).get("reason"))
        return (Finish.REFUSED if reason in _REFUSALS else Finish.TRUNCATED), reason, text
    if any(part.get("type") == "refusal" for part in parts):
        return Finish.REFUSED, "refusal", ""
    if text.strip():
        return Finish.STOP, text_or_none(content.get("status")), text
    error_code = text_or_none(mapping(content.get("error")).get("code"))
    return Finish.EMPTY, error_code or text_or_none(content.get("status")), ""
