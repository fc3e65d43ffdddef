import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from shared_code.cli.count_tokens import count_tokens_command
from shared_code.metering.estimates import EMPTY_ANSWER_TOKENS, TokenCount, TokenCounter, expected_output, output_cap
from shared_code.metering.vocabularies import VocabularyShelf
from shared_code.providers.base import Media, ModelRequest

HELLO, TEST = "Hello, world!", "This is a test."


@pytest.fixture(scope="module")
def counter():
    return TokenCounter()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The second seed's table says 3; gpt-4's vocabulary gives 9906, 11, 1917, 0: four tokens.
        (HELLO, 4),
        (TEST, 5),
        ("", 0),
    ],
)
def test_the_second_seeds_table_with_its_error_put_right(counter, text, expected):
    assert counter.count_tokens(text, "gpt-4") == expected


@pytest.mark.parametrize(
    ("model", "vocabulary", "exact"),
    [
        ("gpt-4", "cl100k_base", True),
        ("gpt-3.5-turbo", "cl100k_base", True),
        ("gpt-35-turbo", "cl100k_base", True),
        ("gpt-4-turbo-2024-04-09", "cl100k_base", True),
        ("gpt-4o", "o200k_base", True),
        ("gpt-4o-mini-2024-07-18", "o200k_base", True),
        ("gpt-4.1-mini", "o200k_base", True),
        ("gpt-5-mini", "o200k_base", True),
        ("o3", "o200k_base", True),
        ("gpt-6-luna", "o200k_base", False),
        ("llama-2", "llama2", True),
        ("meta-llama/Llama-2-7b-chat", "llama2", True),
        ("llama-3", "llama3", True),
        ("Meta-Llama-3.1-8B", "llama3", True),
        ("llama-4-scout", "llama3", False),
        ("gemini-2.5-flash", "gemma3", True),
        ("gemini-2.0-flash-001", "gemma3", True),
        ("gemini-3-pro-preview", "gemma3", True),
        ("gemini-3.5-flash", "gemma4", True),
        ("gemini-3.1-pro-preview", "gemma4", True),
        ("models/gemini-3.1-flash-lite", "gemma4", True),
        ("gemini-3.5-flash-lite", "gemma4", False),
        ("gemini-3.8-flash", "gemma4", False),
    ],
)
def test_each_family_counts_by_its_vocabulary(counter, model, vocabulary, exact):
    assert counter.count(HELLO, model) == TokenCount(4, exact, vocabulary)
    assert counter.count_tokens(TEST, model) == 5
    assert counter.count_tokens("", model) == 0


def test_claude_is_an_estimate_that_says_so(counter):
    text = "Invoice number 4711, total 1,234.56 EUR\n" * 20
    count = counter.count(text, "claude-3")
    assert not count.exact
    assert count.tokens == pytest.approx(1.15 * counter.count_tokens(text, "gpt-4"), abs=1)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("plain words in a row " * 50, 200, 300), ("1,234.56 " * 100, 350, 600), ("请付款" * 100, 300, 300)],
)
def test_an_unknown_model_is_estimated_by_its_characters(counter, text, least, most):
    count = counter.count(text, "some-model-of-tomorrow")
    assert (count.exact, count.vocabulary) == (False, "characters")
    assert least <= count.tokens <= most


def test_control_tokens_in_a_document_are_text_like_any_other(counter):
    assert counter.count_tokens("<|endoftext|>", "gpt-4") == 7
    assert counter.count_tokens("<start_of_turn>", "gemini-3.5-flash") > 1


def test_text_that_no_vocabulary_holds_is_counted_all_the_same(counter):
    assert counter.count_tokens("a\ud800b", "gpt-4") > 0


def test_a_vocabulary_that_cannot_be_loaded_makes_it_an_estimate(monkeypatch):
    monkeypatch.setattr(TokenCounter, "_shelf", VocabularyShelf())
    monkeypatch.setitem(sys.modules, "splintr", None)
    count = TokenCounter().count(HELLO, "gpt-4")
    assert (count.exact, count.vocabulary) == (False, "characters")
    assert count.tokens > 0


def test_counts_are_cached_within_bounds():
    counter = TokenCounter(cached_counts=10)
    for number in range(50):
        counter.count(f"text {number}", "gpt-4")
    assert len(counter._cache) == 10
    assert not any("text" in str(key) for key in counter._cache), "no text of a document stays in memory"


def test_many_threads_get_the_same_count(counter):
    with ThreadPoolExecutor(16) as pool:
        counts = set(pool.map(lambda n: counter.count_tokens(f"{HELLO} {n % 3}" * 50, "gpt-4o"), range(200)))
    assert len(counts) == 1


def request(model, *media, prompt="Read this.", schema=None):
    return ModelRequest(model, prompt, schema or {"type": "object"}, media, 100)


def picture(width, height, kind="PNG"):
    held = io.BytesIO()
    Image.new("1", (width, height)).save(held, kind)
    return Media(f"image/{kind.lower()}", held.getvalue())


PDF = Media("application/pdf", b"%PDF")


def media_only(counter, asked, **facts):
    bare = ModelRequest(asked.model, asked.prompt, asked.schema, (), asked.max_output_tokens)
    return counter.estimate_input(asked, **facts) - counter.estimate_input(bare, page_count=0)


@pytest.mark.parametrize(
    ("model", "size", "documented"),
    [
        # by the vendors' own examples
        ("gpt-4o", (1024, 1024), 765),
        ("gpt-4o", (2048, 4096), 1105),
        ("gpt-4o", (1654, 2339), 1105),
        ("gpt-5", (1654, 2339), 910),
        ("gpt-4o-mini", (512, 512), 8500),
        ("gemini-2.5-flash-lite", (960, 540), 1548),
        ("gemini-2.5-flash-lite", (1654, 2339), 3096),
        ("gemini-3.5-flash-lite", (1654, 2339), 1120),
    ],
)
def test_images_cost_what_the_formulas_say(counter, model, size, documented):
    assert media_only(counter, request(model, picture(8, 8)), page_count=1, image_sizes=[size]) == documented


def test_patches_never_cost_less_than_the_documented_example(counter):
    """1,654 x 2,339 shrinks to a few patches below the cap: 2,333; the bound takes the cap."""
    assert media_only(counter, request("gpt-5-mini", picture(8, 8)), page_count=1, image_sizes=[(1654, 2339)]) == 2489
    assert media_only(counter, request("gpt-5-mini", picture(8, 8)), page_count=1, image_sizes=[(320, 320)]) == 162


@pytest.mark.parametrize("rate", [258, 560, 1120])
@pytest.mark.parametrize("model", ["gemini-3.5-flash-lite", "gemini-2.5-flash-lite", "gemini-9-new"])
def test_a_gemini_page_is_bounded_at_every_rate(counter, model, rate):
    assert media_only(counter, request(model, PDF), page_count=7, page_texts=[""] * 7) >= 7 * rate


def test_a_page_at_openai_is_its_text_and_a_picture(counter):
    text = "Invoice total 1,234.56 EUR " * 50
    known = media_only(counter, request("gpt-5-mini", PDF), page_count=2, page_texts=[text, ""])
    assert known == counter.count_tokens(text, "gpt-5-mini") + 2 * 2489
    unknown = media_only(counter, request("gpt-5-mini", PDF), page_count=2)
    assert unknown == 2 * (4000 + 2489)


def test_sizes_that_are_not_told_are_read_from_the_images(counter):
    """A second look sends pages as pictures whose sizes nobody noted."""
    pages = (picture(1654, 2339), picture(1654, 2339, "JPEG"))
    told = counter.estimate_input(request("gpt-4o", *pages), page_count=2, image_sizes=[(1654, 2339)] * 2)
    assert counter.estimate_input(request("gpt-4o", *pages), page_count=2) == told
    broken = request("gemini-2.5-flash-lite", Media("image/heic", b"????"))
    assert media_only(counter, broken, page_count=1) > 3096


def test_prompt_system_text_and_schema_are_counted_with_the_factor(counter):
    schema = {"type": "object", "properties": {f"field_{n}": {"type": ["string", "null"]} for n in range(60)}}
    asked = ModelRequest("gpt-4o", "Read this. " * 200, schema, (), 100, "You read invoices. " * 20)
    plain = sum(counter.count_tokens(text, "gpt-4o") for text in (asked.prompt, asked.system, json.dumps(schema)))
    assert counter.estimate_input(asked, page_count=0, safety_factor=1.0) == plain + 32
    assert counter.estimate_input(asked, page_count=0, safety_factor=2.0) == 2 * plain + 32


def test_the_command_counts_text_files_and_standard_input(tmp_path):
    run, app = CliRunner(), typer.Typer()
    app.command()(count_tokens_command)
    assert run.invoke(app, [HELLO, "--model", "gpt-4"]).output == "4 tokens for gpt-4 (exact, by cl100k_base)\n"
    assert "estimate, by gemma4" in run.invoke(app, [HELLO]).output
    (tmp_path / "text.txt").write_text(TEST, encoding="utf-8")
    assert run.invoke(app, ["--file", str(tmp_path / "text.txt"), "-m", "gpt-4"]).output.startswith("5 tokens")
    assert run.invoke(app, ["-m", "gpt-4"], input=TEST).output.startswith("5 tokens")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    assert run.invoke(app, ["--file", str(tmp_path / "bytes")]).exit_code == 2
    assert run.invoke(app, ["--file", str(tmp_path / "absent")]).exit_code == 2
    assert run.invoke(app, [HELLO, "--file", str(tmp_path / "text.txt")]).exit_code == 2


def test_the_cap_follows_the_rows_that_were_counted():
    assert output_cap(1) == output_cap(1, [10]) == 6_000
    assert output_cap(1, [50]) > 50 * 270 + EMPTY_ANSWER_TOKENS
    assert output_cap(5, [40] * 5) > 200 * 200
    assert output_cap(30) == output_cap(30, [None] * 30) == 32_000


@pytest.mark.parametrize("rows", [[], [3], [80], [40, None, 40], [60] * 30])
@pytest.mark.parametrize("larger", [False, True])
def test_the_cap_has_room_for_the_expected_answer(rows, larger):
    pages = max(len(rows), 1)
    assert expected_output(pages, rows) < output_cap(pages, rows, larger=larger) or len(rows) == 30
    assert output_cap(pages, rows, larger=True) >= output_cap(pages, rows)
