"""Billed answers, usable or not: why the model stopped and what it cost."""

import pytest

from shared_code.providers.base import Finish
from shared_code.records import Usage
from tests.integration.providers.vendor_server import Answer

KEY = "AIzaSyTEST-key_000000000000000000000001"
USAGE = {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 7, "totalTokenCount": 22}


def candidate(text=None, finish="STOP", **more):
    content = {"role": "model"} | ({} if text is None else {"parts": [{"text": text}]})
    return {"content": content, "finishReason": finish} | more


@pytest.fixture
def ask(vendor, gemini, question):
    def run(body):
        vendor.queue.append(Answer(body=body))
        return gemini.generate(question(), api_key=KEY, timeout_seconds=20)

    return run


@pytest.mark.parametrize(
    ("finish", "text", "expected"),
    [
        ("STOP", "{}", Finish.STOP),
        ("MAX_TOKENS", '{"a', Finish.TRUNCATED),
        ("MAX_TOKENS", None, Finish.TRUNCATED),
        ("CONTINUATION", '{"a', Finish.TRUNCATED),
        ("SAFETY", None, Finish.REFUSED),
        ("RECITATION", None, Finish.REFUSED),
        ("LANGUAGE", None, Finish.REFUSED),
        ("BLOCKLIST", None, Finish.REFUSED),
        ("PROHIBITED_CONTENT", None, Finish.REFUSED),
        ("SPII", None, Finish.REFUSED),
        ("OTHER", None, Finish.EMPTY),
        ("MALFORMED_RESPONSE", None, Finish.EMPTY),
        ("STOP", None, Finish.EMPTY),
        ("STOP", "  \n", Finish.EMPTY),
        ("A_REASON_OF_NEXT_YEAR", "{}", Finish.STOP),
        ("A_REASON_OF_NEXT_YEAR", None, Finish.EMPTY),
        (None, "{}", Finish.STOP),
    ],
)
def test_every_way_to_stop_is_billed_and_named(ask, finish, text, expected):
    answer = ask({"candidates": [candidate(text, finish)], "usageMetadata": USAGE})
    assert answer.finish is expected
    assert answer.usage.billable_tokens == 22
    assert answer.reason == finish


def test_a_blocked_prompt_is_a_billed_refusal(ask):
    usage = {"promptTokenCount": 600, "totalTokenCount": 600}
    answer = ask({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage})
    assert (answer.finish, answer.reason) == (Finish.REFUSED, "prompt blocked: PROHIBITED_CONTENT")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (600, 0)


def test_no_candidate_is_an_empty_answer(ask):
    answer = ask({"usageMetadata": USAGE})
    assert (answer.finish, answer.text, answer.usage.total_tokens) == (Finish.EMPTY, "", 22)


def test_thoughts_are_no_part_of_the_text(ask):
    parts = [{"text": "Let me see", "thought": True}, {"text": '{"a"'}, {"inlineData": {}}, {"text": ": 1}"}]
    answer = ask({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}], "usageMetadata": USAGE})
    assert answer.text == '{"a": 1}'


def test_fences_and_broken_json_come_back_as_they_are(ask):
    """Whether a text can be used is decided where it is parsed; here it is only carried, with its cost."""
    for text in ("```json\n{}\n```", '{"a": ', "not json"):
        assert ask({"candidates": [candidate(text)], "usageMetadata": USAGE}).text == text


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (
            {
                "promptTokenCount": 2518,
                "candidatesTokenCount": 352,
                "thoughtsTokenCount": 300,
                "toolUsePromptTokenCount": 4,
                "cachedContentTokenCount": 100,
                "totalTokenCount": 3174,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 712},
                    {"modality": "IMAGE", "tokenCount": 1806},
                ],
                "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 352}],
                "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 100}],
            },
            Usage(
                2522,
                652,
                3174,
                300,
                100,
                {
                    "text_prompt_tokens": 712,
                    "image_prompt_tokens": 1806,
                    "text_cache_tokens": 100,
                    "text_candidates_tokens": 352,
                },
            ),
        ),
        # older models report pages as documents, and both may come together
        (
            {
                "promptTokenCount": 900,
                "totalTokenCount": 905,
                "candidatesTokenCount": 5,
                "promptTokensDetails": [
                    {"modality": "DOCUMENT", "tokenCount": 258},
                    {"modality": "IMAGE", "tokenCount": 2},
                ],
            },
            Usage(900, 5, 905, modalities={"image_prompt_tokens": 260}),
        ),
        # zero counts are left out on the wire; the total tells
        ({"promptTokenCount": 8, "thoughtsTokenCount": 300, "totalTokenCount": 308}, Usage(8, 300, 308, 300)),
        ({"promptTokenCount": 8, "totalTokenCount": 308}, Usage(8, 300, 308)),
        # nothing is made up
        ({"promptTokenCount": 8}, Usage(8)),
        ({"totalTokenCount": 8}, Usage(None, None, 8)),
        ({}, Usage()),
        (None, Usage()),
        ({"promptTokenCount": True, "candidatesTokenCount": "-1", "totalTokenCount": 1e3}, Usage()),
        # odd numbers are handed on as they are: what is booked of them is decided for all vendors alike
        ({"promptTokenCount": -1, "totalTokenCount": 3_000_000_000}, Usage(-1, None, 3_000_000_000)),
        ({"promptTokenCount": 5, "toolUsePromptTokenCount": -7, "totalTokenCount": 9}, Usage(-7, None, 9)),
        ({"promptTokenCount": "12", "totalTokenCount": "12"}, Usage(12, 0, 12)),
        ({"promptTokenCount": 10**30, "promptTokensDetails": "x"}, Usage()),
    ],
)
def test_usage_is_mapped_and_never_made_up(ask, metadata, expected):
    assert ask({"candidates": [candidate("{}")], "usageMetadata": metadata}).usage == expected


def test_an_answer_without_usage_is_unmeasured_and_not_free(ask):
    usage = ask({"candidates": [candidate("{}")]}).usage
    assert (usage.measured, usage.billable_tokens) == (False, None)


def test_the_version_that_answered_is_kept(ask):
    answer = ask({"candidates": [candidate("{}")], "modelVersion": "gemini-3.8-flash", "responseId": "abc"})
    assert answer.model_version == "gemini-3.8-flash"
