"""The characters of a page's text, and which of its text objects each of them is of.

Runs inside the sandbox only.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING, Any

from shared_code.documents import pdfium_calls as calls
from shared_code.documents.page_objects import Box

if TYPE_CHECKING:
    from shared_code.documents.page_ink import Ink

#: above so many it is cheaper to go through all characters once than to ask for each text object
_MANY_TEXTS = 64


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a page's text: tidy, as the library gave it, and the library's number of each character of that.

    Without numbers the characters are numbered from 0.
    """

    text: str
    raw: str
    characters: Sequence[int] | None = None


class PageCharacters:
    """The text of one loaded page.

    :ivar handle: of :mod:`.pdfium_calls`.
    :ivar whole: all text, as the library gives it.
    """

    def __init__(self, textpage: Any, *, texts: int) -> None:
        """Read a text page of pypdfium2, which must stay open.

        :param texts: how many text objects there are.
        """
        self._has_many_texts = texts > _MANY_TEXTS
        self.handle = calls.address_of(textpage.raw)
        self.whole: str = textpage.get_text_range()
        self._count: int = textpage.count_chars()

    @property
    def is_numbered(self) -> bool:
        """Whether the library's numbers of characters are their places in ``whole``."""
        return len(self.whole) == self._count

    def most_of(self, text: int) -> int:
        """How many characters a text object has at most; much cheaper than the characters."""
        # The library goes through the whole page to answer for one object.
        return self._lengths[text] if self._has_many_texts else calls.length_of(text, self.handle)

    def of(self, text: int) -> str:
        """The characters of a text object, with line breaks and blanks that the library puts between them."""
        return calls.text_of(text, self.handle)

    @cached_property
    def _lengths(self) -> Counter[int | None]:
        return Counter(self._objects())

    def _objects(self) -> Iterator[int | None]:
        """The text object of each character, None for what the library puts between them."""
        return map(calls.text_object_at, repeat(self.handle), range(self._count))

    def in_whole(self) -> Part:
        """All text as one part."""
        return Part(_tidy(self.whole), self.whole)

    def parts[Kind](
        self, kinds: Mapping[int, Kind], *, usual: Kind, unseen: Kind, in_parts: AbstractSet[int], ink: "Ink | None"
    ) -> dict[Kind, Part]:
        """The text by the kinds of its objects. Blanks that the library puts in follow their neighbour.

        :param kinds: those of objects that are not of the usual kind.
        :param unseen: the kind of characters without ink in those objects that are seen in parts.
        """
        parts: dict[Kind, list[str]] = {}
        numbers: dict[Kind, list[int]] = {}
        now = usual
        for index, item in enumerate(self._objects()):
            if item:
                kind = kinds.get(item, usual)
                if kind is usual and item in in_parts and ink is not None and not self._is_inked(index, ink):
                    kind = unseen
                if kind is not now:
                    for turned in (now, kind):
                        parts.setdefault(turned, []).append(" ")
                        numbers.setdefault(turned, []).append(-1)
                now = kind
            if character := self._character(index):
                parts.setdefault(now, []).append(character)
                numbers.setdefault(now, []).append(index)
        raws = {kind: "".join(characters) for kind, characters in parts.items()}
        return {kind: Part(_tidy(raw).strip(), raw, numbers[kind]) for kind, raw in raws.items()}

    def is_hidden_at(self, point: tuple[float, float], ink: "Ink | None") -> bool:
        """Whether a character lies at a place and leaves no ink there."""
        index = calls.character_at(self.handle, point)
        return index >= 0 and ink is not None and not self._is_inked(index, ink)

    def _is_inked(self, index: int, ink: "Ink") -> bool:
        """Whether a character of a text that is seen in parts is seen; blanks are."""
        if chr(calls.code_at(self.handle, index) % 0x110000).isspace():
            return True
        box = calls.box_at(self.handle, index)
        if box is None:
            return True
        left, right, bottom, top = box
        return ink.shows(Box(left, bottom, right, top))

    def _character(self, index: int) -> str:
        code = calls.code_at(self.handle, index)
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else ""  # noqa: PLR2004 - code points that are characters


def _tidy(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\x00", "").replace("\ufffe", "-")
