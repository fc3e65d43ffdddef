"""Which browser of this machine Playwright drives: an installed Chromium, Chrome or Edge, found on PATH."""

import shutil

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "msedge")


def find_browser() -> str | None:
    """The path of the first one that there is; None when there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)
