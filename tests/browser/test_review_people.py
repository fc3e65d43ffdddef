"""The review with others at work, and for those who may not: clerks, ended sessions, other companies."""

import re

import pytest

from .hostile import EVIL, require_harmless
from .profiles import CONSOLE
from .review_page import ReviewPage, doubtful
from .usable import require_usable_dialog


def test_two_clerks_never_get_the_same_document(console):
    own = console.company()
    ids = {doubtful(console, own) for _ in range(3)}
    first, second = (ReviewPage.signed_in(console, console.login("reviewer", own)).start() for _ in range(2))
    assert first.reading_id != second.reading_id
    assert {first.reading_id, second.reading_id} <= ids
    taken = first.reading_id
    second.open(taken)
    second.page.get_by_text("works on this review").wait_for()


def test_a_decision_that_comes_too_late_says_who_decided_what_and_when(console):
    own = console.company()
    reading = doubtful(console, own)
    slow = ReviewPage.signed_in(console, console.login("reviewer", own))
    fast = ReviewPage.signed_in(console, console.login("reviewer", own, label=f"Ben {EVIL}"))
    slow.open(reading)
    slow.type("1.00")
    fast.open(reading)
    fast.type("76440.00")
    fast.press("Enter")
    fast.look().press("Enter")
    fast.page.wait_for_url(re.compile(r"/reviews(\?.*)?$"))
    slow.press("Control+Enter")
    dialog = slow.page.get_by_role("dialog")
    dialog.wait_for()
    told = dialog.text_content()
    assert "Somebody was faster" in told
    assert re.search(rf"Ben {re.escape(EVIL)} corrected it, .*\d", told)
    assert "76,440.00" in told
    assert "1 change was not saved" in told
    require_usable_dialog(slow.page)
    require_harmless(slow.page)
    assert slow.decided(reading)[1]["total"] == "76440.00"


def test_an_ended_session_and_a_reload_lose_nothing_that_was_typed(console, company):
    reading = doubtful(console, company)
    clerk = ReviewPage.signed_in(console, own=True)
    clerk.open(reading)
    clerk.type("76440.00")
    clerk.press("Enter")
    clerk.page.reload()
    clerk.shown(reading)
    assert "here again" in clerk.said
    assert clerk.field("total").input_value() == "76,440.00"
    assert "Save 1 change" in clerk.page.locator("#confirm").text_content()
    clerk.page.context.clear_cookies()
    clerk.look().press("Control+Enter")
    again = clerk.page.locator("#again-key")
    again.wait_for()
    require_usable_dialog(clerk.page)
    again.fill(console.admin_key)
    clerk.press("Enter")
    clerk.gone(reading)
    assert clerk.decided(reading)[1]["total"] == "76440.00"


@pytest.mark.parametrize(
    ("role", "bound"), [("viewer", False), pytest.param("viewer", True, marks=pytest.mark.long), ("reviewer", True)]
)
def test_who_may_not_see_a_review_is_told_so(console, shared, looked_at, role, bound):
    other = shared("another company", lambda console: console.company()) if bound else None
    page = console.page(console.login(role, other))
    page.goto(f"{CONSOLE}/reviews/{looked_at}")
    page.get_by_text(re.compile("needs the role|does not belong to it")).first.wait_for()
    assert "Adom" not in page.content()


#: what a clerk may do with a review of the own company
CALLS = [
    ("GET", "reviews/{id}", None),
    ("POST", "reviews/{id}/take", {}),
    ("POST", "reviews/{id}/release", {}),
    ("POST", "reviews/{id}/check", {"corrections": []}),
    ("POST", "reviews/{id}/decision", {"decision": "confirm"}),
    ("GET", "extractions/{id}", None),
    ("GET", "extractions/{id}/run", None),
    ("GET", "extractions/{id}/pages", None),
    ("GET", "extractions/{id}/pages/1.png", None),
    ("POST", "extractions/{id}/pages/1/text", {"box": [0, 0, 1, 1]}),
    ("GET", "try/{id}", None),
]


def test_a_clerk_of_another_company_gets_nothing_by_pages_or_api(console, shared, company):
    reading = doubtful(console, company, pages=True)
    other = shared("another company", lambda console: console.company())
    key, mine = console.login("reviewer", other), console.login("reviewer", company)
    for method, path, body in CALLS:
        answer = console.call(method, path.format(id=reading), body, key)
        assert answer.status in {403, 404}, (path, answer.raw)
        assert b"Adom" not in answer.raw, path
        if "decision" not in path and "try" not in path:
            own = console.call(method, path.format(id=reading), body, mine)
            assert own.status < 300, (path, own.raw)
    assert console.api("GET", "reviews", key=key)["items"] == []
    assert console.call("GET", f"reviews?company_id={company}", key=key).status == 403
    assert console.call("POST", "reviews/next", {"company_id": company}, key).status == 403
    page = console.page(key)
    page.goto(f"{CONSOLE}/reviews")
    page.get_by_text("Nothing waits here.").wait_for()
    page.goto(f"{CONSOLE}/reviews?company_id={company}")
    page.locator("#reviews .state").filter(has_text=re.compile("Nothing waits|does not belong|only")).wait_for()
    for path in (
        f"extractions/{reading}",
        f"extractions?company_id={company}",
        f"keys?company_id={company}",
        f"?company_id={company}",
    ):
        page.goto(f"{CONSOLE}/{path}")
        page.locator("main [aria-busy=true]").first.wait_for(state="detached")
        assert "Adom" not in page.content(), path
        assert company not in page.locator("main").inner_text(), path
