"""The text of pages on its way out of the sandbox: what is text as JSON, the places of its pieces as bytes."""

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from shared_code.invoices.page import PIECE_NUMBERS, PageText, PlacedText, Source

_TEXTS = ("shown", "recognised", "hidden", "switched_off", "miscoded", "pictured", "has_pictures", "annotated", "gaps")
_FIELD_NUMBERS = 4


def packed(pages: Sequence[PageText]) -> tuple[dict[str, Any], list[bytes]]:
    """Facts and parts of a frame."""
    facts, parts = [], []
    for page in pages:
        placed = []
        for text in page.placed:
            # A text that the page has anyway does not travel twice.
            place = next((name for name in _TEXTS[:2] if getattr(page, name) == text.text), None)
            placed.append({"text": text.text if place is None else None, "same": place, "source": text.source.value})
            parts += [array("i", text.pieces).tobytes(), array("i", text.fields).tobytes()]
        facts.append({name: getattr(page, name) for name in _TEXTS} | {"placed": placed})
    return {"pages": facts}, parts


def unpacked(facts: dict[str, Any], parts: Sequence[bytes]) -> tuple[PageText, ...]:
    """The pages that were packed. What the sandbox says of places is checked for its form only."""
    rest = iter(parts)
    return tuple(
        PageText(**{**page, "placed": tuple(_placed(page, entry, rest) for entry in page["placed"])})
        for page in facts["pages"]
    )


def _placed(page: dict[str, Any], entry: dict[str, Any], parts: Iterator[bytes]) -> PlacedText:
    text = entry["text"] if entry["same"] is None else page[entry["same"]]
    pieces, fields = _numbers(next(parts), PIECE_NUMBERS), _numbers(next(parts), _FIELD_NUMBERS)
    return PlacedText(text, pieces, Source(entry["source"]), fields)


def _numbers(part: bytes, at_once: int) -> array[int]:
    """Whole numbers, as many as make up whole records."""
    numbers = array("i")
    numbers.frombytes(part[: len(part) // (numbers.itemsize * at_once) * numbers.itemsize * at_once])
    return numbers
