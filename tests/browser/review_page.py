"""The review screen as a clerk sees it, for tests: documents to look at, what is on the screen, and each real key."""

import json
from dataclasses import dataclass

from bench import documents

from .profiles import CONSOLE

#: a clerk looks before deciding: longer than decider.js wants, in milliseconds
LOOK = 220
_page_template = documents._pdf()


def invoice(number, **printed):
    """A one-page invoice. ``printed``: what stands there instead of a text of the same length, as ``a__b=...``."""
    data = documents.Template("page", _page_template).document(number)
    for old, new in printed.items():
        assert len(old) == len(new)
        assert data.count(old.encode()) == 1, old
        data = data.replace(old.encode(), new.encode())
    return data


def wrong_total(number, **printed):
    """Its printed total is not what its amounts give."""
    return invoice(number, **{"76,440.00": "76,448.00", **printed})


#: documents that tests have made
numbers = iter(range(80_000, 90_000))


def doubtful(console, company, *, pages=False):
    reading = console.read(None, company, data=wrong_total(next(numbers)), file_name="invoice.pdf")["id"]
    return console.wait_for_copy(reading) if pages else reading


@dataclass
class ReviewPage:
    """One browser page with the review."""

    console: object
    page: object

    @classmethod
    def signed_in(cls, console, key=None, **options):
        return cls(console, console.page(key, **options))

    def open(self, reading_id, query=""):
        self.page.goto(f"{CONSOLE}/reviews/{reading_id}{query}")
        return self.shown(reading_id)

    def start(self, company=None):
        """From the queue into the first document, by a key."""
        self.page.goto(f"{CONSOLE}/reviews" + (f"?company_id={company}" if company else ""))
        self.page.wait_for_selector("#reviews table")
        self.press("s")
        return self.shown()

    def shown(self, reading_id=None):
        """Waits until a document is there."""
        if reading_id is not None:
            self.page.wait_for_url(f"**/reviews/{reading_id}*")
        self.page.wait_for_selector("#review:not([aria-busy])")
        return self

    def pictured(self):
        """Waits for the picture of a page."""
        self.page.wait_for_selector(".page.loaded")
        return self

    def look(self):
        """Waits until a key may decide."""
        self.page.wait_for_timeout(LOOK)
        return self

    @property
    def reading_id(self):
        return self.page.url.partition("/reviews/")[2].partition("?")[0]

    @property
    def focused(self):
        """The path in focus, else the id of the element."""
        return self.page.evaluate(
            "(document.activeElement.dataset.slot || '').split('|')[1] || document.activeElement.id"
        )

    @property
    def keys(self):
        """Keys that were pressed on this page so far."""
        return self.page.evaluate("window.__keys")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text):
        self.page.keyboard.type(text)

    def field(self, path, invoice=0):
        return self.page.locator(f'.input[data-slot="{invoice}|{path}"]')

    def value(self, path):
        """The value as the reading has it now."""
        return self.field(path).evaluate("(input) => input.value")

    @property
    def said(self):
        return self.page.locator("#said").text_content()

    def gone(self, reading_id):
        """Waits until another document, or the queue, is there."""
        self.page.wait_for_function("(id) => !location.pathname.includes(id)", arg=reading_id)

    def save(self):
        """Decides by one key; by two where doubtful values are left, of which it says so."""
        here = self.reading_id
        self.look()
        for _ in range(2):
            self.press("Control+Enter")
            self.page.wait_for_function(
                "(id) => !location.pathname.includes(id) || /Once more/.test(said.textContent)", arg=here
            )
            if self.reading_id != here:
                return
        self.gone(here)

    def decided(self, reading_id):
        """The review as the API has it, and the values that everybody gets."""
        review = self.console.api("GET", f"reviews/{reading_id}")
        return review["state"], (review["data"]["invoices"] or [None])[0], review


def corrections(review):
    """The last decision's corrections by field."""
    return {one["field"]: json.dumps(one["after"]) for one in review["history"][-1]["corrections"]}
