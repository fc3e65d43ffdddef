"""Takes the pictures with an installed Chromium, and makes them small."""

import io
import json
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devstack.browser import find_browser
from devstack.screenshots.shots import Shot
from devstack.setup.console import SetupProblem

if TYPE_CHECKING:
    from playwright.sync_api import Browser, StorageState

_COLOURS = 128
_SETTLE_MILLISECONDS = 700


def take(ready: dict[str, Any], shots: Sequence[Shot], folder: Path) -> Iterator[Path]:
    """Take pictures of a stack's console into a folder; yields each when it is there.

    :param ready: the content of the stack's ready file.
    :raises SetupProblem: there is no browser, or the console does not let us in.
    """
    from playwright.sync_api import sync_playwright

    browser_path = find_browser()
    if browser_path is None:
        raise SetupProblem("No Chromium, Chrome or Edge is on PATH.")
    ids = _ids(ready)
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        try:
            session = _signed_in(browser, ready)
            for shot in shots:
                file = folder / shot.file
                file.write_bytes(_small(_picture(browser, session, shot, ready["console"] + shot.path.format(**ids))))
                yield file
        finally:
            browser.close()


def _picture(browser: "Browser", session: "StorageState", shot: Shot, address: str) -> bytes:
    width, height = shot.size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if shot.variant == "dark" else "light",
        device_scale_factor=2 if shot.variant == "narrow" else 1,
        locale="en-GB",
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
        storage_state=session,
    )
    try:
        page = context.new_page()
        page.goto(address)
        page.locator(shot.ready).first.wait_for()
        if shot.act is not None:
            shot.act(page)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(_SETTLE_MILLISECONDS)
        return page.screenshot()
    finally:
        context.close()


def _signed_in(browser: "Browser", ready: dict[str, Any]) -> "StorageState":
    """What a browser holds that is signed in; for all pictures, so that the audit has one row of it."""
    context = browser.new_context()
    try:
        answer = context.request.post(
            f"{ready['console']}sign-in", data={"key": ready["admin_key"]}, headers={"sec-fetch-site": "same-origin"}
        )
        if not answer.ok:
            raise SetupProblem(f"The console does not let us in: HTTP {answer.status}.")
        return context.storage_state()
    finally:
        context.close()


def _ids(ready: dict[str, Any]) -> dict[str, str]:
    """Reviews that wait for a wrong line and for a wrong total, and a reading that a person has corrected."""
    asked = {"line": "pending&reason=line_mismatch", "total": "pending&reason=ungrounded", "corrected": "corrected"}
    found = {name: _asked(ready, f"reviews?state={query}") for name, query in asked.items()}
    if not all(found.values()):
        raise SetupProblem("The stack has not the demo's data; 'manage.py demo' makes it.")
    return {name: items[0]["id"] for name, items in found.items()}


def _asked(ready: dict[str, Any], path: str) -> list[dict[str, Any]]:
    address = f"{ready['console'].removesuffix('console/')}{path}"
    request = urllib.request.Request(address, headers={"authorization": f"Bearer {ready['admin_key']}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own stack on loopback
        items: list[dict[str, Any]] = json.load(answer)["data"]["items"]
    return items


def _small(png: bytes) -> bytes:
    """The same picture with so many colours as it needs."""
    from PIL import Image

    written = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        few = image.convert("RGB").quantize(_COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(written, "PNG", optimize=True)
    return written.getvalue()
