"""``count-tokens``: how many tokens a text has for a model, exact or not, by which vocabulary."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from shared_code.cli.output import AsJson, answer


def count_tokens_command(
    text: Annotated[str | None, typer.Argument(help="The text; without it and --file, standard input is read.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the text from this file (UTF-8).")] = None,
    model: Annotated[str, typer.Option("--model", "-m", help="Name of the model.")] = "gemini-3.5-flash-lite",
    as_json: AsJson = False,
) -> None:
    """Count the tokens of a text, offline."""
    from shared_code.metering.estimates import TokenCounter

    count = TokenCounter().count(_read(text, file), model)
    facts = {"tokens": count.tokens, "model": model, "exact": count.exact, "vocabulary": count.vocabulary}
    worth = "exact" if count.exact else "estimate"
    answer(facts, f"{count.tokens} tokens for {model} ({worth}, by {count.vocabulary})", as_json=as_json)


def _read(text: str | None, file: Path | None) -> str:
    if text is not None and file is not None:
        raise typer.BadParameter("Give the text or --file, not both.")
    if text is not None:
        return text
    if file is None:
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read as UTF-8 text: {type(error).__name__}") from error
