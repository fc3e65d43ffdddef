"""Every page as it is, with data of a hostile company: what it writes is text, and everybody can use the page.

No script runs; axe-core finds nothing serious, with dialogs open too; both colour schemes, from 360 pixels to 4K.
"""

import pytest
from playwright.sync_api import expect

from shared_code.console.app import PAGES

from .hostile import EVIL, EVIL_ADDRESS, EVIL_LINE, make, require_harmless, shown
from .profiles import CONSOLE
from .review_page import ReviewPage
from .usable import NARROW, WIDE, require_usable, require_usable_dialog


@pytest.fixture
def hostile(shared, stack):
    return shared("hostile", lambda console: make(console, stack))


#: page: address, whether what the company writes stands on it, and buttons that open dialogs
CASES = {
    "overview": ("", True, ()),
    "extractions": ("extractions?company_id={company}", True, ()),
    "extraction": ("extractions/{corrected}", True, ("Read again", "Erase")),
    "keys": ("keys?company_id={company}", True, ("Add a key", "Change key", "Rotate", "Block")),
    "quotas": ("quotas?company_id={company}", True, ("Add a quota", "Change quota", "Begin anew", "Delete")),
    "usage": ("usage?company_id={company}&by=company,branch,user,model", True, ()),
    "alerts": ("alerts", True, ("Close alert",)),
    "health": ("health", False, ()),
    "webhooks": ("webhooks?company_id={company}", False, ("Add a receiver", "Change,", "New secret", "Remove")),
    "logs": ("logs?contains={company}", True, ()),
    "audit": ("audit?action=quota.add", True, ()),
    "reviews": ("reviews?company_id={company}", True, ()),
    "review": ("reviews/{corrected}", True, ()),
    "accuracy": ("accuracy?company_id={company}", False, ()),
    "try": ("try", False, ()),
}


def test_there_is_a_case_for_every_page():
    assert set(CASES) == {page.name for page in PAGES}


def settled(page):
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)
    return page


@pytest.mark.parametrize("name", CASES)
def test_a_page_is_usable_by_everybody_and_runs_nothing_that_others_wrote(console, hostile, name):
    address, evil, dialogs = CASES[name]
    page = console.page()
    page.goto(f"{CONSOLE}/{address.format_map(vars(hostile))}")
    settled(page)
    for summary in page.locator("main summary:visible").all()[:3]:
        summary.click()
    if evil:
        assert EVIL in shown(page)
    require_usable(page)
    for opener in dialogs:
        page.get_by_role("button", name=opener).first.click()
        require_usable_dialog(page)
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
    require_harmless(page)


def test_the_review_of_what_a_hostile_company_sends(console, hostile):
    """Pending data, its dialogs, a rejected document, and where a name stands in a message."""
    clerk = ReviewPage.signed_in(console)
    page = clerk.page
    clerk.open(hostile.pending)
    assert EVIL in shown(page, "#what")
    assert clerk.field("seller.name").input_value() == EVIL
    assert clerk.field("line_items[r0].description").input_value() == EVIL
    clerk.field("buyer.name").fill(f"{EVIL}!")
    clerk.press("Enter", "Escape")
    for key, title in (("?", "Keys"), ("/", "Find a field"), ("p", "Look at it later"), ("r", "Reject this document")):
        if not page.evaluate("document.activeElement.matches('input')"):
            clerk.press(key)
        else:
            clerk.press("Escape", key)
        page.get_by_role("dialog", name=title).wait_for()
        require_usable_dialog(page)
        if key != "r":
            clerk.press("Escape")
            page.get_by_role("dialog").wait_for(state="detached")
    clerk.type(EVIL)
    assert page.locator("#reject-reason").input_value() == EVIL
    clerk.press("Escape")
    clerk.open(hostile.rejected)
    notices = shown(page, "#notices")
    assert EVIL in notices
    assert "Ama <img" in notices
    assert EVIL_LINE.strip() in shown(page, "#invoices")
    require_harmless(page)


def test_other_readings_and_files_of_a_hostile_company(console, hostile):
    page = console.page()
    page.goto(f"{CONSOLE}/extractions/{hostile.failed}")
    assert EVIL in shown(settled(page))
    page.goto(f"{CONSOLE}/reviews?company_id={hostile.company}&state=rejected")
    settled(page).get_by_text("by Ama <img").wait_for()
    page.goto(f"{CONSOLE}/try")
    page.locator("#company").fill(hostile.company)
    page.locator("#file").set_input_files(
        {"name": f"{EVIL}.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 x"}
    )
    page.get_by_role("alert").wait_for()
    assert EVIL in shown(page)
    assert "onerror" in page.locator("#code").text_content()
    page.goto(f"{CONSOLE}/webhooks?company_id={hostile.company}")
    assert EVIL_ADDRESS in shown(settled(page))
    require_harmless(page)


def test_the_review_of_a_page_fits_every_screen(console, looked_at):
    clerk = ReviewPage.signed_in(console)
    clerk.open(looked_at).pictured()
    for width in (NARROW, 1440, WIDE):
        clerk.page.set_viewport_size({"width": width, "height": 900})
        for part in (clerk.page.locator("#confirm"), clerk.field("total"), clerk.page.locator("#pages")):
            assert part.is_visible(), width
    require_usable(clerk.page)
