"""The seed's log line: written in its form, read in both forms of the library that made it."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_code.metering.usage_text import format_run_usage, parse_run_usage
from shared_code.records import Usage

SEED_LINE = """INFO:api:Gemini processing complete. Usage: RunUsage(
    input_tokens=2518,
    output_tokens=652,
    details={
        'text_prompt_tokens': 712,
        'image_prompt_tokens': 1806,
        'text_candidates_tokens': 652
    },
    requests=1
)
"""
SEED_RESULT = {
    "input_tokens": 2518,
    "output_tokens": 652,
    "text_prompt_tokens": 712,
    "image_prompt_tokens": 1806,
    "text_candidates_tokens": 652,
    "requests": 1,
}


def test_the_seeds_line_reads_as_the_seed_says():
    assert parse_run_usage(SEED_LINE) == SEED_RESULT


def test_the_line_is_written_exactly_as_the_seed_shows_it():
    usage = Usage(
        2518,
        652,
        3170,
        modalities={"text_prompt_tokens": 712, "image_prompt_tokens": 1806, "text_candidates_tokens": 652},
    )
    assert format_run_usage(usage) == (
        "Gemini processing complete. Usage: RunUsage(input_tokens=2518, output_tokens=652, "
        "details={'text_prompt_tokens': 712, 'image_prompt_tokens': 1806, 'text_candidates_tokens': 652}, requests=1)"
    )


def test_thoughts_and_cached_tokens_take_the_places_of_the_1x_form():
    usage = Usage(1000, 500, 1500, 300, 90, {"text_prompt_tokens": 484, "image_prompt_tokens": 516})
    assert format_run_usage(usage, provider="OpenAI") == (
        "OpenAI processing complete. Usage: RunUsage(input_tokens=1000, cache_read_tokens=90, output_tokens=500, "
        "details={'cached_content_tokens': 90, 'thoughts_tokens': 300, 'text_prompt_tokens': 484, "
        "'image_prompt_tokens': 516}, requests=1)"
    )


def test_the_2x_form_is_read():
    line = (
        "RunUsage(cost=Decimal('0.00215'), details={'thoughts_tokens': 300, 'text_prompt_tokens': 484, "
        "'image_prompt_tokens': 516}, input_image_tokens=516, input_text_tokens=484, input_tokens=1000, "
        "output_reasoning_tokens=300, output_text_tokens=200, output_tokens=500, requests=1)"
    )
    assert parse_run_usage(line) == {
        "input_tokens": 1000,
        "output_tokens": 500,
        "text_prompt_tokens": 484,
        "image_prompt_tokens": 516,
        "text_candidates_tokens": 0,
        "requests": 1,
    }


def test_an_unmeasured_call_reads_as_unknown_and_not_as_zero():
    line = format_run_usage(Usage())
    assert line.endswith("RunUsage(requests=1, unmeasured_requests=1)")
    assert parse_run_usage(line) == {
        "input_tokens": None,
        "output_tokens": None,
        "text_prompt_tokens": None,
        "image_prompt_tokens": None,
        "text_candidates_tokens": None,
        "requests": 1,
    }


def test_no_split_by_modality_is_unknown():
    assert parse_run_usage("RunUsage(input_tokens=5, requests=1)")["text_prompt_tokens"] is None


def test_text_around_and_brackets_inside_do_not_confuse_it():
    line = "x) RunUsage(input_tokens=1, details={'a)\\'b(': 3}, requests=1) and (more) RunUsage(requests=9)"
    assert parse_run_usage(line)["requests"] == 1


@pytest.mark.parametrize(
    "line",
    [
        "",
        "no usage here",
        "RunUsage",
        "RunUsage(input_tokens=5",
        "RunUsage(5)",
        "RunUsage(input_tokens=-5)",
        "RunUsage(input_tokens=1.5)",
        "RunUsage(input_tokens=True)",
        "RunUsage(input_tokens='5')",
        "RunUsage(input_tokens=__import__('os').getpid())",
        "RunUsage(input_tokens=open('/etc/passwd'))",
        "RunUsage(input_tokens=(lambda: 5)())",
        "RunUsage(cost=Decimal('x'))",
        "RunUsage(cost=Decimal(open('x')))",
        "RunUsage(details=5)",
        "RunUsage(details={'text_prompt_tokens': 'many'})",
        "RunUsage(*[1])",
        "RunUsage(input_tokens=5))))" * 0 + "RunUsage(input tokens=5)",
        "RunUsage(a=" + "(" * 5000 + ")" * 5000 + ")",
        "RunUsage(a=" + "[" * 9000 + "]" * 9000 + ")",
        "RunUsage(a='" + "x" * 50_000 + "')",
        "RunUsage(input_tokens=9**9**9**9)",
        "RunUsage(input_tokens=" + "9" * 10_000 + ")",
    ],
)
def test_anything_else_is_refused_and_never_executed(line):
    with pytest.raises(ValueError, match="RunUsage"):
        parse_run_usage(line)


counts = st.integers(1, 2**31 - 1)


@given(
    counts,
    counts,
    st.none() | counts,
    st.none() | counts,
    st.dictionaries(st.sampled_from(["text_prompt_tokens", "image_prompt_tokens", "text_candidates_tokens"]), counts),
)
def test_what_is_written_reads_back(input_tokens, output_tokens, thoughts, cached, modalities):
    usage = Usage(input_tokens, output_tokens, input_tokens + output_tokens, thoughts, cached, modalities)
    read = parse_run_usage(format_run_usage(usage))
    assert (read["input_tokens"], read["output_tokens"], read["requests"]) == (input_tokens, output_tokens, 1)
    for name, count in modalities.items():
        assert read[name] == count


def test_the_line_survives_the_logging_of_the_seed(caplog):
    with caplog.at_level(logging.INFO):
        logging.getLogger("api").info("%s", format_run_usage(Usage(2518, 652, 3170)))
    assert parse_run_usage(f"INFO:api:{caplog.messages[0]}")["input_tokens"] == 2518
