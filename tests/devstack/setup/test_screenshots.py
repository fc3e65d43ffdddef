"""The pictures of the documentation: one of each page of the console, small, and shown on the page about them."""

from pathlib import Path

from devstack.screenshots.shots import SHOTS
from shared_code.console.operator_pages import OVERVIEW
from shared_code.console.operator_pages import PAGES as OPERATOR_PAGES
from shared_code.console.review_pages import PAGES as REVIEW_PAGES

FOLDER = Path(__file__).parents[3] / "docs" / "console"
KB = 1024


def test_each_page_of_the_console_has_its_picture():
    pages = {page.name for page in (OVERVIEW, *OPERATOR_PAGES, *REVIEW_PAGES)}
    assert {shot.page for shot in SHOTS if not shot.variant} == pages
    assert {shot.page for shot in SHOTS} == pages


def test_the_folder_holds_the_pictures_that_are_taken_and_no_other():
    assert {file.name for file in FOLDER.glob("*.png")} == {shot.file for shot in SHOTS}


def test_the_pictures_are_small():
    sizes = [file.stat().st_size for file in FOLDER.glob("*.png")]
    assert max(sizes) <= 150 * KB
    assert sum(sizes) <= 1500 * KB


def test_the_page_about_the_console_shows_every_picture():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [shot.file for shot in SHOTS if f"]({shot.file})" not in text] == []
