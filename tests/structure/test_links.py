"""Every link between our pages leads to a page that is there, and to a heading that it has; on GitHub and on the site."""

import re
import urllib.parse
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "samples" / "README.md"])
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)|<img[^>]*\bsrc=\"([^\"]+)\"")


def links(page):
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    found = (first or second for first, second in _LINK.findall(text))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def headings(page):
    """The anchors of a page's headings, as GitHub makes them and as the site's Markdown does."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = [re.sub(r"[`*]|\[|\]\([^)]*\)", "", title) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    of_github = {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
    of_the_site = {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}
    return of_github & of_the_site


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_link_of_a_page_leads_somewhere(page):
    wrong = []
    for target in links(page):
        path, _, anchor = urllib.parse.unquote(target).partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in headings(there)):
            wrong.append(target)
    assert wrong == []


def test_pages_that_texts_and_messages_name_are_there():
    named = re.compile(
        r"(?<![\w.])(?:docs|samples|infra|devstack|soak|bench)/[\w/-]+\.(?:md|json|svg|py|bicep|bicepparam)\b"
    )
    sources = [*PAGES, *(ROOT / "shared_code").rglob("*.py"), *(ROOT / "infra").rglob("*.bicep*")]
    wrong = {
        (source.relative_to(ROOT).as_posix(), name)
        for source in sources
        for name in named.findall(source.read_text(encoding="utf-8"))
        if not (ROOT / name).exists() and not (source.parent / name).exists()
    }
    assert wrong == set()
    assert len(PAGES) > 25
