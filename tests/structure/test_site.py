"""The site that is built of docs: strictly, with every page in its navigation, and with nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
#: addresses that are names of standards, not things to load
NAMES = re.compile(r"https?://(www\.)?(w3\.org|schema\.org|ogp\.me)")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_in_the_navigation():
    def named(part):
        if isinstance(part, str):
            return {part}
        return set().union(*map(named, part.values() if isinstance(part, dict) else part))

    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert named(nav) == {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}


def test_a_reader_loads_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 15
    wrong = set()
    for page in pages:
        for tag, address in re.findall(
            r"<(script|link|img|iframe)\b[^>]*?(?:src|href)=\"?(https?://[^\s\">]+)", page.read_text(encoding="utf-8")
        ):
            if not NAMES.match(address):
                wrong.add((page.name, tag, address))
    for style in site.rglob("*.css"):
        wrong |= {(style.name, "css", found) for found in re.findall(r"url\((https?://[^)]+)", style.read_text())}
    assert wrong == set()


def test_links_between_pages_lead_somewhere(site):
    text = (site / "runbook.html").read_text(encoding="utf-8")
    assert 'href="troubleshooting.html' in text
    assert 'id="each-alert"' in text
