"""The page on evaluation says what the command does: its options, the rows of its table, the names in a manifest."""

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import typer

from shared_code.cli.main import build_app
from shared_code.evaluation import manifest
from shared_code.evaluation.figures import LEVELS
from shared_code.evaluation.report import ROWS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
PICTURE = (ROOT / "docs" / "evaluation.svg").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^python manage.py evaluate (.+)$", PAGE, re.MULTILINE)
COMMAND = typer.main.get_command(build_app()).commands["evaluate"]


def first_table():
    return PAGE.partition("\n| what ")[2].partition("\n\n")[0].splitlines()[2:]


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_documented_command_is_understood(arguments, tmp_path, monkeypatch):
    (tmp_path / "my-invoices").mkdir()
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    monkeypatch.chdir(tmp_path)
    COMMAND.make_context("evaluate", shlex.split(arguments))


def test_the_run_that_is_shown_is_of_documents_that_everybody_has():
    assert "tests/data/invoices --out .devstack/evaluation" in COMMANDS
    assert len(COMMANDS) == 5


def test_every_option_is_described():
    described = set(re.findall(r"^\| `(--[a-z-]+)", PAGE, re.MULTILINE))
    actual = {option for parameter in COMMAND.params for option in parameter.opts if option.startswith("--")}
    assert described == actual - {"--help"}


def test_the_table_has_the_rows_of_a_report():
    assert [line.split("|")[1].strip() for line in first_table()] == [title for title, _ in ROWS]


def test_the_picture_is_of_the_run_that_is_shown():
    texts = {element.text for element in ET.fromstring(PICTURE).iter("{http://www.w3.org/2000/svg}text")}
    shown = {cells[1].strip(): cells[2].strip() for line in first_table() if (cells := line.split("|"))}
    assert {f"values of confidence {level}" for level in LEVELS} <= texts
    assert {f"{shown['right']} of {shown['known values']}", shown["precision of high"]} <= texts


def test_every_short_name_of_a_manifest_is_described():
    named = (*manifest.SHORT_NAMES, "buyer", "hsn", "place_of_supply")
    assert [name for name in named if f"`{name}`" not in PAGE] == []
