"""The text of one page, parted by what it is worth as evidence."""

import re
from dataclasses import dataclass

#: a page that pictures cover to this share is a scan, whatever text lies beside or under them
_MOSTLY_PICTURE = 0.5
#: A scan with nothing but the stamp of a scanning app has less text than this.
ENOUGH_CHARACTERS = re.compile(r"(?:[\W_]*+[^\W_]){60}")


@dataclass(frozen=True, slots=True)
class PageText:
    """The text of one page.

    :ivar shown: what a person sees, and what its glyphs show.
    :ivar recognised: what text recognition laid over a picture, and notes that not every program draws: perhaps right.
    :ivar hidden: what the file holds at this page and a person does not see.
    :ivar switched_off: text on layers that are switched off, such as drafts and other languages. No attempt to hide it.
    :ivar miscoded: all text as the file says it, when glyphs on the page show other characters; '' when none do.
    :ivar pictured: the share of the page that pictures cover, 0 to 1.
    :ivar annotated: whether notes or form fields are drawn on the page, which a person may have filled in by hand.
    :ivar gaps: whether the page shows characters that the file does not name.
    """

    shown: str
    recognised: str = ""
    hidden: str = ""
    switched_off: str = ""
    miscoded: str = ""
    pictured: float = 0.0
    annotated: bool = False
    gaps: bool = False

    @property
    def text(self) -> str:
        """All text that may be right."""
        return "\n".join(filter(None, (self.shown, self.recognised)))

    @property
    def is_complete(self) -> bool:
        """Whether all that a person reads is in ``shown``, so that a value which is not in it is not on the page."""
        if self.recognised or self.miscoded or self.gaps or self.pictured >= _MOSTLY_PICTURE:
            return False
        return self.pictured == 0 or ENOUGH_CHARACTERS.match(self.shown) is not None
