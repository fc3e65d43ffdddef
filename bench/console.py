"""How soon the pages of the console are there, with a year of 400 companies in the database (``bench.console_rows``).

A browser opens each page of a local stack: with an empty cache, and again. *paint* is its first contentful paint,
*data* the moment from which nothing on the page is loading any more, *weight* what came over the wire without pictures
of documents. Then one tab is left alone, to see what asking for news costs.
"""

import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import console_rows, documents, rig
from bench.service.children import LocalStack
from bench.service.machine import facts
from devstack.browser import find_browser
from devstack.setup.state import StateFolder
from shared_code.console.app import PAGES
from shared_code.database.connection import create_database
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.schema import ensure_schema
from shared_code.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CONSOLE = "/api/manage/console"
TURNS = int(os.environ.get("BENCH_TURNS", "5"))
IDLE_SECONDS = int(os.environ.get("BENCH_IDLE", "60"))
DOCUMENTS = 6
_WIDTH = 1200
_MOST_SECONDS = 30

#: notes from when on a page shows all that it has asked for
_WATCH = """
(() => {
  let since = null;
  const look = () => {
    const main = document.querySelector("main");
    const busy = !main || main.querySelector("[aria-busy=true]") || main.matches("[aria-busy=true]")
      || !(main.querySelector("table, figure, .state:not([aria-busy]), .log, dl, .fields, form.try, #drop"));
    if (busy) since = null; else since ??= performance.now();
    globalThis.benchReady = since;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
_FOUND = """() => {
  const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const own = all.filter((one) => !/\\.png/.test(one.name));
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return {
    paint: paint ? paint.startTime : null, data: globalThis.benchReady,
    weight: own.reduce((sum, one) => sum + one.transferSize, 0),
    requests: own.length,
    api: own.filter((one) => /\\/api\\/manage\\/(?!console)/.test(one.name)).map((one) => [
      one.name.replace(/^.*\\/api\\/manage\\//, ""), Math.round(one.responseEnd - one.requestStart)]),
  };
}"""


@dataclass
class Figures:
    """What was measured of one page, a number for each turn."""

    paint: list[float] = field(default_factory=list)
    data: list[float] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)

    def add(self, found: dict[str, Any]) -> None:
        """One turn."""
        for name in ("paint", "data", "weight", "requests"):
            getattr(self, name).append(found[name])


def main() -> None:
    """Fill, measure, print Markdown."""
    with _folder() as folder:
        started = time.monotonic()
        path = _filled(folder)
        size = path.stat().st_size / 1e9
        print(f"filled in {time.monotonic() - started:.0f} s, {size:.1f} GB", file=sys.stderr)
        with _stack(folder) as (host, key, pid):
            _measure(host, key, pid)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """BENCH_CONSOLE names one that is kept, so that the next run need not fill it."""
    kept = os.environ.get("BENCH_CONSOLE")
    folder = Path(kept or tempfile.mkdtemp(prefix="bench-"))
    folder.mkdir(exist_ok=True)
    try:
        yield folder
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _filled(folder: Path) -> Path:
    state = folder / "stack" / "state"
    state.mkdir(parents=True, exist_ok=True)
    path = state / "database.sqlite"
    with StateFolder(state) as opened:
        ring = opened.secrets()["encryption_keys"]
    done = folder / "filled"
    database = create_database(Settings(azure_sql_connection_string=None, database_url=f"sqlite:///{path}"))
    ensure_schema(database, auto_migrate=True)
    database.close()
    if not done.exists():
        console_rows.fill_sqlite(str(path), KeyCipher(ring))
        done.touch()
    return path


@contextlib.contextmanager
def _stack(folder: Path) -> Iterator[tuple[str, str, int]]:
    """Host, admin key and the pid of the process that serves."""
    with rig.gemini() as gemini:
        stack = LocalStack(folder / "stack", gemini_url=gemini, database=None, env={})
        try:
            pids = stack.wait_until_ready()
            ready = json.loads((folder / "stack" / "ready.json").read_text(encoding="utf-8"))
            yield ready["host"], ready["admin_key"], pids["host"]
        finally:
            stack.end()


def _measure(host: str, key: str, pid: int) -> None:
    from playwright.sync_api import sync_playwright

    chromium = find_browser()
    if chromium is None:
        sys.exit("No Chromium, Chrome or Edge is on PATH.")
    made = _read_documents(host, key)
    pages = {page.name: page.path.replace("{id}", made[0]) for page in PAGES}
    pages |= {"overview, a year": "?days=365", "overview, one company": "?company_id=C007"}
    wanted = os.environ.get("BENCH_PAGES")
    if wanted:
        pages = {name: path for name, path in pages.items() if name in wanted.split(",")}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        try:
            print(f"{facts()}, {TURNS} turns")
            _print_pages(browser, host, key, pages)
            _print_pictures(host, key, made[1:])
            _print_idle(browser, host, key, pid)
        finally:
            browser.close()


def _print_pages(browser: "Browser", host: str, key: str, pages: dict[str, str]) -> None:
    first: dict[str, Figures] = {name: Figures() for name in pages}
    again: dict[str, Figures] = {name: Figures() for name in pages}
    asked: dict[str, Any] = {}
    for turn in range(TURNS + 1):
        for name, path in pages.items():
            context = _signed_in(browser, host, key)
            page = context.new_page()
            cold, warm = (_look(page, f"{CONSOLE}/{path}") for _ in range(2))
            context.close()
            if turn:  # the first one imports, and prepares statements
                first[name].add(cold)
                again[name].add(warm)
            asked[name] = warm["api"]
    print("| Page | paint | data | again: paint | data | KB | KB again | requests |\n|---|--:|--:|--:|--:|--:|--:|--:|")
    for name in pages:
        one, other = first[name], again[name]
        times = [statistics.median(each) for each in (one.paint, one.data, other.paint, other.data)]
        print(
            f"| {name} | " + " | ".join(f"{each:.0f}" for each in times),
            f"{statistics.median(one.weight) / 1000:.0f} | {statistics.median(other.weight) / 1000:.0f}",
            f"{statistics.median(one.requests):.0f} |",
            sep=" | ",
        )
    for name, calls in asked.items():
        print(f"{name}: " + ", ".join(f"{path} {ms} ms" for path, ms in calls), file=sys.stderr)


def _signed_in(browser: "Browser", host: str, key: str) -> "BrowserContext":
    context = browser.new_context(base_url=host, viewport={"width": 1440, "height": 900})
    context.add_init_script(_WATCH)
    answer = context.request.post(f"{CONSOLE}/sign-in", data={"key": key}, headers={"sec-fetch-site": "same-origin"})
    assert answer.ok, answer.text()
    return context


def _look(page: "Page", address: str) -> dict[str, Any]:
    """Figures of one visit."""
    page.goto(address, wait_until="load")
    deadline = time.monotonic() + _MOST_SECONDS
    while time.monotonic() < deadline:
        found = page.evaluate(_FOUND)
        # What stays as it is for a while is done: one part may begin when another has ended.
        if found["data"] is not None and page.evaluate("performance.now()") - found["data"] > 400:
            return found
        page.wait_for_timeout(50)
    raise AssertionError(f"{address} does not end: {found}")


def _read_documents(host: str, key: str) -> list[str]:
    """Real readings whose documents are kept, as their pages need them."""
    from tests.e2e.calling import post_form, request

    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    rules = request(
        f"{host}/api/manage/review-rules/NT047", "PUT", body=json.dumps({"mode": "everything"}), headers=headers
    )
    assert rules.status == 200, rules.raw
    sample, made = documents.sample(), []
    number = int(time.time()) % 90_000
    for document in range(number, number + DOCUMENTS):
        answer = post_form(host, sample.document(document), companyID="NT047", username="u", branch="b")
        assert answer.status == 200, answer.raw
        made.append(answer.json["data"]["id"])
    time.sleep(2)  # copies are kept some moments after the answer
    return made


def _print_pictures(host: str, key: str, readings: list[str]) -> None:
    """A page's picture as the review asks for it: the first time, and again (by whoever has not kept it)."""
    from tests.e2e.calling import request

    headers = {"authorization": f"Bearer {key}"}
    times: dict[str, list[float]] = {"first": [], "again": [], "pages": []}
    for reading in readings:
        for name, path in (("pages", "pages"), ("first", "pages/1.png"), ("again", "pages/1.png")):
            started = time.perf_counter()
            answer = request(
                f"{host}/api/manage/extractions/{reading}/{path}" + (f"?width={_WIDTH}" if name != "pages" else ""),
                headers=headers,
            )
            times[name].append((time.perf_counter() - started) * 1000)
            assert answer.status == 200, answer.raw
    print()
    for name, found in times.items():
        print(f"page picture, {name}: median {statistics.median(found):.0f} ms, most {max(found):.0f} ms")


def _print_idle(browser: "Browser", host: str, key: str, pid: int) -> None:
    """What a tab costs that nobody touches, seen and hidden."""
    import psutil

    process = psutil.Process(pid)
    idle_cpu = _cpu_in(process, 15) / 15
    print(f"\nserver without any tab: {idle_cpu * 1000:.1f} ms CPU a second")
    for name in ("", "alerts", "logs"):
        context = _signed_in(browser, host, key)
        page = context.new_page()
        _look(page, f"{CONSOLE}/{name}")
        page.evaluate("performance.clearResourceTimings()")
        used = _cpu_in(process, IDLE_SECONDS) - idle_cpu * IDLE_SECONDS
        found = page.evaluate(
            "() => performance.getEntriesByType('resource').map((one) => [one.transferSize, one.responseStatus])"
        )
        # Headless Chromium calls no tab hidden; what the page asks is the same.
        page.evaluate(
            "() => { Object.defineProperty(document, 'hidden', {value: true});"
            " document.dispatchEvent(new Event('visibilitychange')); performance.clearResourceTimings(); }"
        )
        page.wait_for_timeout(10_000)
        hidden = page.evaluate("() => performance.getEntriesByType('resource').length")
        context.close()
        polls = max(len(found), 1)
        print(
            f"{name or 'overview'}: {len(found)} requests a minute, {sum(size for size, _ in found) / polls:.0f} bytes"
            f" each, {sum(status == 304 for _, status in found)} of them 304,"
            f" {used / polls * 1000:.1f} ms CPU of the server each; hidden: {hidden} in 10 s"
        )


def _cpu_in(process: Any, seconds: float) -> float:
    def now() -> float:
        times = process.cpu_times()
        return times.user + times.system

    before = now()
    time.sleep(seconds)
    return now() - before
