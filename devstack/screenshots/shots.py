"""Which pictures are taken: each page of the console once, some of them dark or narrow as well."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

SAMPLE = Path(__file__).parents[2] / "samples" / "gst-invoice.pdf"
WIDE, NARROW = (1440, 900), (390, 844)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture.

    :ivar page: the name of the page, as the console's table of pages has it.
    :ivar path: below the console; ``{line}``, ``{total}`` and ``{corrected}`` are ids of readings.
    :ivar ready: a selector of what the page shows when it is ready.
    :ivar variant: ``dark`` or ``narrow``; '' is the picture of the page.
    :ivar act: what is done on the page before.
    """

    page: str
    path: str
    ready: str
    variant: str = ""
    act: "Callable[[Page], None] | None" = None

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.page}{'-' if self.variant else ''}{self.variant}.png"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the window, in pixels."""
        return NARROW if self.variant == "narrow" else WIDE


def _try(page: "Page") -> None:
    """Have a sample read, and show what it came to."""
    page.locator("#company").fill("NORDWIND")
    page.locator("input[type=file]").set_input_files(SAMPLE)
    page.locator("#outcome button.main").wait_for(timeout=20_000)


def _look_at_page(page: "Page") -> None:
    """Wait for the picture of the document's page."""
    page.wait_for_function(
        "() => [...document.querySelectorAll('main img')].some((image) => image.complete && image.naturalWidth > 0)"
    )


_TABLE = "main table tbody tr"
SHOTS = (
    Shot("review", "reviews/{line}", "main", act=_look_at_page),
    Shot("reviews", "reviews", _TABLE),
    Shot("overview", "", "main svg"),
    Shot("extractions", "extractions", _TABLE),
    Shot("extraction", "extractions/{corrected}", "main h2"),
    Shot("keys", "keys", _TABLE),
    Shot("quotas", "quotas", _TABLE),
    Shot("usage", "usage?by=company,model,source", _TABLE),
    Shot("alerts", "alerts?state=all", _TABLE),
    Shot("health", "health", "main"),
    Shot("webhooks", "webhooks", _TABLE),
    Shot("logs", "logs", "main .log details"),
    Shot("audit", "audit", _TABLE),
    Shot("accuracy", "accuracy", "#content *"),
    Shot("try", "try", "main", act=_try),
    Shot("overview", "", "main svg", "dark"),
    Shot("review", "reviews/{total}", "main", "dark", act=_look_at_page),
    Shot("overview", "", "main svg", "narrow"),
    Shot("review", "reviews/{total}", "main", "narrow", act=_look_at_page),
)
