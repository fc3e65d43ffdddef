"""Lines that were read on a picture as the text of a page, with the place of each word.

Text detection gives each cell of a table as a line of its own. Here they are put beside each other as they stand on the
page, along its skew, so that an amount stands in the line of its label, as in the text of a PDF.
"""

import math
from collections.abc import Callable, Sequence
from statistics import median

from shared_code.documents.ocr.reader import ReadLine, ReadPicture
from shared_code.invoices.page import PAGE_SIDE, PageText, PlacedText, Source

#: lines stand in one row when their middles are apart by less than this share of their height
_SAME_ROW = 0.5
_BETWEEN_CELLS = "  "
#: A line with a lower score was not read; whatever stands there may be the value that was not found.
READ_SCORE = 0.8
#: shorter ones are specks and ornaments
_LEAST_CHARACTERS = 3

type Point = tuple[float, float]

#: corner of an upright picture -> of the page as it was received, by the degrees that it was turned clockwise
_BACK: dict[int, Callable[[float, float], Point]] = {
    0: lambda x, y: (x, y),
    90: lambda x, y: (y, 1 - x),
    180: lambda x, y: (1 - x, 1 - y),
    270: lambda x, y: (1 - y, x),
}


def page_of(picture: ReadPicture, *, turned: int = 0) -> PageText:
    """The text of a picture.

    :param turned: degrees clockwise by which the page was turned before it was read; places are those on the page as it
        was received.
    """
    rows = rows_of(picture)
    text, pieces = "", list[int]()
    for row in rows:
        for line in row:
            for start, end in _words(line.text):
                place = _place(line, start / len(line.text), end / len(line.text), turned)
                pieces += [len(text) + start, len(text) + end, *place]
            text += line.text + (_BETWEEN_CELLS if line is not row[-1] else "\n")
    return PageText(
        shown=text,
        pictured=1.0,
        gaps=any(line.score < READ_SCORE and len(line.text) >= _LEAST_CHARACTERS for line in picture.lines),
        placed=(PlacedText(text, pieces, Source.OCR),),
        source=Source.OCR,
    )


def rows_of(picture: ReadPicture) -> list[list[ReadLine]]:
    """Lines from top to bottom, those of one row from left to right."""
    slope = math.tan(math.radians(picture.skew))

    def middle(line: ReadLine) -> float:
        x, y = (sum(corner[axis] for corner in line.corners) / len(line.corners) for axis in (0, 1))
        return y * picture.height - x * picture.width * slope

    rows: list[list[ReadLine]] = []
    last: list[float] = []
    for line in sorted(picture.lines, key=middle):
        if rows and middle(line) - median(last) < _SAME_ROW * _height(line, picture):
            rows[-1].append(line)
            last.append(middle(line))
        else:
            rows.append([line])
            last = [middle(line)]
    return [sorted(row, key=lambda line: line.corners[0][0]) for row in rows]


def _height(line: ReadLine, picture: ReadPicture) -> float:
    (x0, y0), _, _, (x1, y1) = line.corners
    return math.hypot((x1 - x0) * picture.width, (y1 - y0) * picture.height)


def _words(text: str) -> Sequence[tuple[int, int]]:
    found, start = [], 0
    for word in text.split(" "):
        if word:
            found.append((start, start + len(word)))
        start += len(word) + 1
    return found


def _place(line: ReadLine, start: float, end: float, turned: int) -> list[int]:
    """The box around a part of a line, ``start`` and ``end`` being shares of its length."""
    top_left, top_right, bottom_right, bottom_left = line.corners

    def between(a: Point, b: Point, share: float) -> Point:
        return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share

    upright = [
        between(left, right, share)
        for share in (start, end)
        for left, right in ((top_left, top_right), (bottom_left, bottom_right))
    ]
    points = [_BACK[turned](*point) for point in upright]
    xs, ys = zip(*points, strict=True)
    return [round(PAGE_SIDE * min(max(value, 0.0), 1.0)) for value in (min(xs), min(ys), max(xs), max(ys))]
