"""Writes the results: JSON, Markdown and a picture, and on request the page in ``docs``."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.documents import ROOT
from bench.service.chart import svg
from bench.service.children import BenchFailed
from bench.service.report import markdown

FOLDER = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "performance.md"
BEGIN = "<!-- figures: written by `python dev.py bench --full --publish` -->"
END = "<!-- end of figures -->"


def write(results: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """Three files of one name. Returns that of the JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{'full' if results['full'] else 'quick'}"
    path = folder / f"{name}.json"
    path.write_text(json.dumps(results, indent=1), encoding="utf-8")
    path.with_suffix(".md").write_text(markdown(results), encoding="utf-8")
    path.with_suffix(".svg").write_text(svg(results), encoding="utf-8")
    return path


def publish(results: Mapping[str, Any], page: Path = PAGE) -> None:
    """Put table and picture into the page. Raises BenchFailed when the page has no place for them."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchFailed(f"{page} has no place between {BEGIN!r} and {END!r}")
    picture = page.with_suffix(".svg")
    picture.write_text(svg(results), encoding="utf-8")
    shown = f"![The figures of the table as bars]({picture.name})"
    page.write_text(f"{before}{BEGIN}\n\n{shown}\n\n{markdown(results)}\n{END}{after}", encoding="utf-8")
