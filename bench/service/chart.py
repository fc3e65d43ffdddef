"""The figures as a picture: for each case the share of the bare SDK's calls per second, and the processor time."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from bench.service.cells import FLOOR, HTTP, HTTP_TWO, PIPELINE
from bench.service.summary import Row, rows

_COLOURS = {FLOOR: "#9aa3ad", PIPELINE: "#4c8bf5", HTTP: "#1d4ea8", HTTP_TWO: "#0b2a63"}
_WIDTH, _LEFT, _PANEL, _GAP = 1000, 330, 290, 45
_BAR, _SPACE, _TOP = 12, 14, 70
#: times the median figure at which a bar ends
_CUT = 4.0


def svg(results: Mapping[str, Any]) -> str:
    """A whole SVG document, readable on light and dark pages."""
    panels = (
        ("calls/s, share of the SDK alone", lambda row: None if row.share is None else row.share * 100, "%"),
        (
            "CPU ms a call (long bars are cut)",
            lambda row: row.cpu_service_ms + row.cpu_children_ms,
            "ms",
        ),
    )
    cells = [(measured["cell"]["title"], rows(measured)) for measured in results["cells"]]
    body, bottom = [], _TOP
    for title, shown in cells:
        middle = bottom + len(shown) * _BAR / 2 + 4
        body.append(_text(_LEFT - 12, middle, title, anchor="end"))
        bottom += len(shown) * _BAR + _SPACE
    for index, (heading, value, unit) in enumerate(panels):
        body += _panel(_LEFT + index * (_PANEL + _GAP), heading, cells, value, unit)
    legend = [_legend(index, way) for index, way in enumerate(_COLOURS)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + 10}" width="{_WIDTH}" '
        f'height="{bottom + 10}" font-family="sans-serif" font-size="12" role="img" '
        f"aria-label={quoteattr('Figures of the bench, case by case')}>\n"
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join((*legend, *body)) + "\n</svg>\n"
    )


def _panel(left: int, heading: str, cells: Sequence[tuple[str, list[Row]]], value: Any, unit: str) -> list[str]:
    """Bars of one figure. One case that is far above all others (a PDF of 20 MB) is cut, so that these can be seen."""
    figures = [figure for _, shown in cells for row in shown if (figure := value(row)) is not None] or [0.0]
    longest = min(max(figures), _CUT * statistics.median(figures)) or 1.0
    drawn, top = [_text(left, _TOP - 14, heading, weight="bold")], _TOP
    for _, shown in cells:
        for row in shown:
            figure = value(row)
            if figure is not None:
                width = min(max(figure, 0.0) / longest, 1.0) * (_PANEL - 60)
                drawn.append(
                    f'<rect x="{left}" y="{top}" width="{width:.1f}" height="{_BAR - 2}" fill="{_COLOURS[row.way]}"/>'
                )
                drawn.append(
                    _text(left + width + 4, top + 9, f"{figure:,.{0 if figure >= 100 else 1}f} {unit}", size=10)
                )
            top += _BAR
        top += _SPACE
    return drawn


def _legend(index: int, way: str) -> str:
    left = _LEFT + index * 120
    return f'<rect x="{left}" y="18" width="12" height="12" fill="{_COLOURS[way]}"/>' + _text(left + 18, 28, way)


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal", size: int = 12) -> str:
    style = f'text-anchor="{anchor}" font-weight="{weight}" font-size="{size}" fill="#20262d"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'
