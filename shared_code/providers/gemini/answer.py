"""Reads the body of Gemini's HTTP 200: what the model said, why it stopped, what it cost.

Works on the JSON and not on SDK objects, because a billed answer must be booked also when it holds values that no
SDK version knows. Checks in this order: blocked prompt, no candidate, finish reason, text. Fields and finish reasons
are those of ``GenerateContentResponse`` in google-genai 3.4.0; how pages are reported is told in the Gemini API
documentation, "Document understanding" (ai.google.dev/gemini-api/docs/document-processing).
"""

from collections.abc import Mapping
from typing import Any

from shared_code.providers.base import Finish, ModelAnswer
from shared_code.providers.transport import answer_of, count_of, mapping, mappings, text_or_none
from shared_code.records import Usage

_TRUNCATED = frozenset({"MAX_TOKENS", "CONTINUATION"})
_REFUSED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "ESCALATION",
        "PUP_LIMITED_DISABLED",
        "MODEL_ARMOR",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    }
)
#: pages of a PDF are reported as IMAGE by newer models and as DOCUMENT by older ones
_MODALITY_NAMES = {"document": "image"}
_DETAIL_LISTS = (
    ("prompt", "promptTokensDetails"),
    ("cache", "cacheTokensDetails"),
    ("candidates", "candidatesTokensDetails"),
    ("tool_use_prompt", "toolUsePromptTokensDetails"),
)


def read_answer(body: str | None) -> ModelAnswer:
    """Read one body.

    :raises ModelCallFailed: it is empty, no JSON, or not an answer at all.
    """
    content = answer_of(body, any_of=("candidates", "promptFeedback", "usageMetadata"))
    usage = read_usage(content.get("usageMetadata"))
    finish, reason, text = _outcome(content)
    return ModelAnswer(text, usage, finish, model_version=text_or_none(content.get("modelVersion")), reason=reason)


def read_usage(metadata: Any) -> Usage:
    """Map usageMetadata to :class:`Usage`.

    Total = prompt + tool use + candidates + thoughts. The service leaves out counts that are zero: a missing part is
    zero when its sibling or the total is there, and the count is None when nothing is said at all. Cached tokens are
    part of the prompt.
    """
    if not isinstance(metadata, Mapping):
        return Usage()
    prompt = count_of(metadata.get("promptTokenCount"))
    tool_use = count_of(metadata.get("toolUsePromptTokenCount"))
    candidates = count_of(metadata.get("candidatesTokenCount"))
    thoughts = count_of(metadata.get("thoughtsTokenCount"))
    total = count_of(metadata.get("totalTokenCount"))
    input_tokens = _sum(prompt, tool_use)
    output_tokens = _sum(candidates, thoughts)
    if output_tokens is None and total is not None and input_tokens is not None and input_tokens >= 0:
        output_tokens = max(0, total - input_tokens)
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=total,
        thoughts_tokens=thoughts,
        cached_tokens=count_of(metadata.get("cachedContentTokenCount")),
        modalities=_modalities(metadata),
    )


def _outcome(content: Mapping[str, Any]) -> tuple[Finish, str | None, str]:
    blocked = mapping(content.get("promptFeedback")).get("blockReason")
    if blocked:
        return Finish.REFUSED, f"prompt blocked: {blocked}", ""
    candidate = next(mappings(content.get("candidates")), None)
    if candidate is None:
        return Finish.EMPTY, "no candidates", ""
    reason = text_or_none(candidate.get("finishReason"))
    text = _text_of(candidate)
    if reason in _TRUNCATED:
        return Finish.TRUNCATED, reason, text
    if reason in _REFUSED:
        return Finish.REFUSED, reason, text
    # Any other reason: the parser finds out whether the text is usable.
    return (Finish.STOP if text.strip() else Finish.EMPTY), reason, text


def _text_of(candidate: Mapping[str, Any]) -> str:
    parts = mappings(mapping(candidate.get("content")).get("parts"))
    return "".join(text_or_none(part.get("text")) or "" for part in parts if not part.get("thought"))


def _modalities(metadata: Mapping[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for prefix, name in _DETAIL_LISTS:
        for entry in mappings(metadata.get(name)):
            modality = str(entry.get("modality", "")).lower()
            count = count_of(entry.get("tokenCount"))
            if modality and count:
                key = f"{_MODALITY_NAMES.get(modality, modality)}_{prefix}_tokens"
                counts[key] = counts.get(key, 0) + count
    return counts


def _sum(first: int | None, second: int | None) -> int | None:
    known = [count for count in (first, second) if count is not None]
    # A negative part makes the sum one that is not to be believed.
    return min(known) if any(count < 0 for count in known) else sum(known) if known else None
