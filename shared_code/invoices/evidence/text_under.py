"""The text that a page shows within a box: what a person means who points at it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared_code.invoices.evidence.record import Place, around
from shared_code.invoices.page import PAGE_SIDE, PIECE_NUMBERS, PlacedText, Source

#: of a piece that lies within the box, in each direction
_MOSTLY = 0.5
#: stands at the end of a word, and seldom belongs to a value
_TRAILING = ",;:"
_BLANKS = re.compile(r"[^\S\n]+")


@dataclass(frozen=True, slots=True)
class PointedText:
    """``box`` is around the words that were found, in fractions of the page as shown."""

    text: str
    box: tuple[float, float, float, float]
    source: Source


def text_under(texts: Sequence[PlacedText], box: Sequence[float]) -> PointedText | None:
    """What a page shows in a box; of several texts the first one that has anything there. None when none has.

    :param box: left, top, right and bottom in fractions of the page as shown.
    """
    for text in texts:
        chosen = [piece for piece in _pieces(text) if _is_within(piece[2:], box)]
        found = _joined(text, chosen).strip()
        hull = around([_place(piece) for piece in chosen])
        if found and hull is not None:
            left, top, right, bottom = (number / PAGE_SIDE for number in hull)
            return PointedText(found, (left, top, right, bottom), text.source)
    return None


def _pieces(text: PlacedText) -> Iterator[tuple[int, ...]]:
    numbers = text.pieces
    return (tuple(numbers[at : at + PIECE_NUMBERS]) for at in range(0, len(numbers), PIECE_NUMBERS))


def _place(piece: tuple[int, ...]) -> Place:
    return piece[2], piece[3], piece[4], piece[5]


def _is_within(place: tuple[int, ...], box: Sequence[float]) -> bool:
    """Whether most of a piece lies in the box, or the box, of a click or a small drag, lies in the piece."""
    return all(
        _covers(place[axis], place[axis + 2], box[axis] * PAGE_SIDE, box[axis + 2] * PAGE_SIDE) for axis in (0, 1)
    )


def _covers(start: float, end: float, first: float, last: float) -> bool:
    common = min(end, last) - max(start, first)
    return common >= 0 and common >= _MOSTLY * min(end - start, last - first)


def _joined(text: PlacedText, chosen: Sequence[tuple[int, ...]]) -> str:
    """The text of the pieces with what stands between them, each with the signs that are printed on to it."""
    words: list[str] = []
    written = 0
    for piece in chosen:
        start, end = _whole_word(text.text, piece[0], piece[1])
        start = max(start, written)
        if start >= end:
            continue
        between = text.text[written:start]
        if words and between:
            words.append("\n" if "\n" in between else " ")
        words.append(text.text[start:end])
        written = end
    lines = (_BLANKS.sub(" ", line).strip().rstrip(_TRAILING) for line in "".join(words).split("\n"))
    return "\n".join(line for line in lines if line)


def _whole_word(text: str, start: int, end: int) -> tuple[int, int]:
    """With a minus, a bracket or a percent sign: what stands there without a blank, and is no letter or digit."""
    while start > 0 and _is_sign(text[start - 1]):
        start -= 1
    while end < len(text) and _is_sign(text[end]):
        end += 1
    return start, end


def _is_sign(character: str) -> bool:
    return not character.isspace() and not character.isalnum()
