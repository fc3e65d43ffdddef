"""README and pages say what is true: error codes, files."""

import json
import re
from pathlib import Path

import pytest

from shared_code import errors

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


HTTP = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")


def rows(section):
    """Cells of the table in a section, without its head."""
    text = HTTP.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def subclasses(kind):
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


def test_the_table_of_error_codes_is_that_of_the_code():
    documented = {
        (code, int(cells[1])) for cells in rows("Error codes") for code in re.findall(r"`([A-Z_]+)`", cells[0])
    }
    named = [
        each for each in subclasses(errors.ServiceError) if "code" in vars(each) and each.__module__ == errors.__name__
    ]
    named.append(errors.InternalError)
    assert documented == {(each.code, each.http_status) for each in named}


def test_samples_named_in_a_request_exist():
    named = set(re.findall(r"@(samples/[\w.-]+)", README))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("sample", sorted(path.name for path in (ROOT / "samples").glob("*.pdf")))
def test_every_sample_is_described(sample):
    assert f"`{sample}`" in (ROOT / "samples" / "README.md").read_text(encoding="utf-8")


def test_local_settings_hold_no_secret():
    values = json.loads((ROOT / "local.settings.json").read_text(encoding="utf-8"))["Values"]
    assert values["AzureWebJobsStorage"] == "UseDevelopmentStorage=true"
    assert not {name for name in values if re.search("KEY|SECRET|PASSWORD", name)}


def test_pages_that_are_linked_exist():
    linked = re.findall(r"\]\(([\w/.-]+)\)", README)
    assert len(linked) > 20
    assert [name for name in linked if not (ROOT / name).exists()] == []
