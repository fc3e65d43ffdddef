"""The results as a picture: for each model the share of right values by field, and how far its confidence holds."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from shared_code.evaluation.figures import LEVELS, Figures, Share
from shared_code.evaluation.report import percent
from shared_code.evaluation.results import Results

_COLOURS = ("#1d4ea8", "#e08a1e", "#2e8b57", "#8a4fb0")
_WIDTH, _LEFT, _LONGEST = 800, 280, 400
_BAR, _SPACE = 12, 8
_INK = "#20262d"


def svg(results: Results) -> str:
    """A whole SVG document, readable on light and dark pages."""
    names, figures = results.names(), results.figures()
    drawn = [_text(12, 24, f"Share of right values: {results.folder.path.name}", size=16, weight="bold")]
    top = 44
    for number, name in enumerate(names):
        drawn.append(_bar(12, top, 12, _COLOURS[number]))
        drawn.append(_text(32, top + 10, name))
        top += 18
    for head, rows in _groups(figures):
        top += 26
        drawn.append(_text(12, top - 8, head, weight="bold"))
        for label, shares in rows:
            drawn.extend(_row(top, label, shares))
            top += len(shares) * _BAR + _SPACE
    size = f'viewBox="0 0 {_WIDTH} {top + 8}" width="{_WIDTH}" height="{top + 8}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" role="img" '
        f"aria-label={quoteattr(f'Share of right values in {results.folder.path.name}, by field and by confidence')}>\n"
        '<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(drawn) + "\n</svg>\n"
    )


def _groups(figures: Sequence[Figures]) -> Iterator[tuple[str, list[tuple[str, list[Share]]]]]:
    whole = [
        ("all known values", [one.right for one in figures]),
        *((f"values of confidence {level}", [one.precision[level] for one in figures]) for level in LEVELS),
    ]
    yield "All values, and those of each confidence", whole
    titles = dict.fromkeys(title for one in figures for title in one.by_field)
    nothing = Share(0, 0)
    yield "Fields", [(title, [one.by_field.get(title, nothing) for one in figures]) for title in titles]


def _row(top: int, label: str, shares: Sequence[Share]) -> Iterator[str]:
    yield _text(_LEFT - 12, top + len(shares) * _BAR / 2 + 4, label, anchor="end")
    for number, share in enumerate(shares):
        at = top + number * _BAR
        yield _bar(_LEFT, at, _LONGEST, "#eceff3")
        yield _bar(_LEFT, at, (share.ratio or 0.0) * _LONGEST, _COLOURS[number])
        told = "none" if share.ratio is None else f"{percent(share)} of {share.whole}"
        yield _text(_LEFT + _LONGEST + 8, at + 9, told, size=10)


def _bar(left: float, top: float, width: float, colour: str) -> str:
    return f'<rect x="{left}" y="{top}" width="{width:.1f}" height="{_BAR - 2}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal", size: int = 12) -> str:
    style = f'text-anchor="{anchor}" font-weight="{weight}" font-size="{size}" fill="{_INK}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'
