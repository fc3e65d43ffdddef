"""The troubleshooting guide names what exists: error codes, health checks, headings."""

import re
from pathlib import Path

from shared_code import errors

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


def subclasses(kind):
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


def rows(section):
    text = GUIDE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]


def test_every_error_code_has_a_first_thing_to_look_at():
    named = {code for cell in rows("Error codes") for code in re.findall(r"`([A-Z_]+)`", cell)}
    ours = [each for each in subclasses(errors.ServiceError) if each.__module__ == errors.__name__]
    assert named == {each.code for each in ours}


def test_every_heading_is_in_the_table_of_contents():
    assert re.findall(r"^- \[(.*)\]\(#", GUIDE, re.MULTILINE) == re.findall(r"^## (.*)$", GUIDE, re.MULTILINE)


def test_the_health_checks_are_those_of_the_code(make_settings, tmp_path):
    from shared_code.bootstrap import build_services

    settings = make_settings(f"sqlite:///{tmp_path / 'h.db'}", azurewebjobsstorage="UseDevelopmentStorage=true")
    services = build_services(settings)
    known = set(services.health._registered)
    services.close()
    assert {name for cell in rows("Monitoring") for name in re.findall(r"`(\w+)`", cell)} == known
