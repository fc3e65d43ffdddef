"""The page on architecture names rooms and modules that exist, and every room that exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([a-z_]+(?:/[a-z_]+)+)/?(?:\.py)?`", PAGE)))


def test_the_page_names_modules():
    assert len(NAMED) > 20


@pytest.mark.parametrize("name", NAMED)
def test_what_the_page_names_exists(name):
    places = (ROOT / "shared_code" / name, ROOT / name)
    assert any(place.is_dir() or place.with_suffix(".py").is_file() for place in places)


def test_every_room_has_a_line():
    rooms = {path.parent.name for path in (ROOT / "shared_code").glob("*/__init__.py")}
    assert {room for room in rooms if f"`{room}`" not in PAGE} == set()
