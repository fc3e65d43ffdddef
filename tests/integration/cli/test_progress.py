"""Commands that take long tell how far they are: on standard error, and never in what a program reads."""

import json
import shutil
from pathlib import Path

import pytest

from shared_code.cli.main import main

SAMPLES = Path(__file__).parents[3] / "samples"
FILES = [SAMPLES / "gst-invoice.pdf", SAMPLES / "ghana-vat-invoice.pdf"]


@pytest.fixture
def company(manage, monkeypatch):
    """A key, and a line for every step of the work however quick it is."""
    assert manage("tokens", "add", "NT047", stdin="AIzaSyProgress0123456789abcdefghijklmno")[0] == 0
    monkeypatch.setattr("shared_code.cli.screen.progress._EVERY", 0.0)


@pytest.fixture
def folder(tmp_path):
    known = tmp_path / "known"
    known.mkdir()
    for file in FILES:
        shutil.copyfile(file, known / file.name)
    entries = [{"file": file.name, "expected": {"currency": "INR"}} for file in FILES]
    (known / "manifest.json").write_text(json.dumps({"files": entries}))
    return known


def commands(folder, tmp_path):
    """A command, what its lines count, and how many of them there are."""
    yield ("extract", *FILES, "--company", "NT047"), "documents", "2 of 2"
    yield ("export", "--out", tmp_path / "out", "--overwrite"), "documents", "2 of 2"
    yield ("rollup", "run"), "steps", "1 of "
    yield ("evaluate", folder, "--company", "NT047", "--out", tmp_path / "report"), "documents", "1 of 2"


def test_without_a_terminal_there_are_plain_lines_on_standard_error(manage, company, folder, tmp_path):
    for command, counted, told in commands(folder, tmp_path):
        _, said, err = manage(*command)
        assert f"{counted}: {told}" in err, command
        assert "\x1b" not in err, command
        assert f"{counted}: {told}" not in said, command


def test_json_is_untouched(manage, company, folder, tmp_path, capsys):
    for command, _, _ in commands(folder, tmp_path):
        if command[0] == "extract":
            continue
        _, found, err = manage(*command, "--json")
        assert found, command
        assert [line for line in err.splitlines() if not line.startswith("database: ")] == [], command
    # A line for each file, which the fixture would take for one document.
    main(["extract", *map(str, FILES), "--company", "NT047", "--json"])
    said, err = capsys.readouterr()
    assert [json.loads(line)["status"] for line in said.splitlines()] == ["success", "success"]
    (line,) = err.splitlines()
    assert line.startswith("database: ")
