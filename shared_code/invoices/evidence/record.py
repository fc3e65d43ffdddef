"""What an answer says of the evidence for one value, and the place of a text on a page."""

from collections.abc import Sequence
from typing import NamedTuple, NotRequired, TypedDict

from shared_code.invoices.page import PAGE_SIDE, Source

#: left, top, right and bottom in the unit of :mod:`..page`
type Place = tuple[int, int, int, int]


class CandidateData(TypedDict):
    """Another place where the value stands, or another value that the page prints beside the label of the field."""

    page: int
    box: list[float] | None
    text: str


class EvidenceData(TypedDict):
    """The evidence for one value as JSON.

    ``source`` is None for a value that was found nowhere. ``box`` is ``[x0, y0, x1, y1]`` in fractions of the page as
    it is shown, from the top left; ``boxes`` has one for each line of a value that wraps, ``box`` is around them.
    ``path`` and ``term`` are those of an e-invoice's element.
    """

    source: str | None
    page: int | None
    box: list[float] | None
    text: str | None
    reason: str
    boxes: NotRequired[list[list[float]]]
    candidates: NotRequired[list[CandidateData]]
    path: NotRequired[str]
    term: NotRequired[str]


class Found(NamedTuple):
    """A text that was found on a page.

    :ivar page: counts from 1 in the whole document.
    :ivar start: the place in the page's text; with ``end`` it tells two places from each other.
    :ivar boxes: one for each line that it stands in; empty when nothing is known of places.
    :ivar hull: the box around them.
    """

    page: int
    start: int
    end: int
    text: str
    source: Source = Source.TEXT_LAYER
    boxes: tuple[Place, ...] = ()
    hull: Place | None = None

    def overlaps(self, other: "Found") -> bool:
        """Whether both have a character in common."""
        same = self.page == other.page and self.source == other.source
        return same and self.start < other.end and other.start < self.end

    def evidence(self, reason: str, candidates: "list[Found] | None" = None) -> EvidenceData:
        """As JSON."""
        data = EvidenceData(
            source=self.source.value, page=self.page, box=_fractions(self.hull), text=self.text, reason=reason
        )
        if len(self.boxes) > 1:
            data["boxes"] = [_fractions(box) or [] for box in self.boxes]
        if candidates:
            data["candidates"] = [
                CandidateData(page=other.page, box=_fractions(other.hull), text=other.text) for other in candidates
            ]
        return data


def around(boxes: Sequence[Place]) -> Place | None:
    """The box around all of some."""
    if len(boxes) < 2:  # noqa: PLR2004 - nothing to join
        return boxes[0] if boxes else None
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def without_place(reason: str, *, source: Source | None = None, text: str | None = None) -> EvidenceData:
    """The evidence for a value that stands on no page."""
    return EvidenceData(source=source and source.value, page=None, box=None, text=text, reason=reason)


def _fractions(place: Place | None) -> list[float] | None:
    return None if place is None else [number / PAGE_SIDE for number in place]
