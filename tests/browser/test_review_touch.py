"""The review on a phone, by fingers: taps, a drag, the buttons of the page, two fingers."""

import pytest
from playwright.sync_api import expect

from .review_page import ReviewPage, doubtful
from .usable import overflow

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@pytest.fixture
def phone(console):
    return ReviewPage.signed_in(console, **PHONE)


@pytest.mark.long
def test_a_review_by_fingers(console, phone, company):
    reading = doubtful(console, company, pages=True)
    phone.open(reading).pictured()
    page = phone.page
    assert overflow(page) == []
    finger = page.context.new_cdp_session(page)
    sheet = page.locator(".page").first

    # A tap on a box goes to its field.
    page.locator('.box[data-slot="0|invoice_number"]').first.tap()
    assert phone.focused == "invoice_number"
    # The buttons of the page.
    page.get_by_role("button", name="Width").tap()
    narrow = sheet.bounding_box()["width"]
    page.get_by_role("button", name="Larger").tap()
    assert sheet.bounding_box()["width"] > narrow * 1.2
    page.get_by_role("button", name="Smaller").tap()
    assert abs(sheet.bounding_box()["width"] - narrow) < 2

    # A finger's drag moves the page; only when it is said so it takes text.
    phone.field("total").tap()
    before = phone.value("total")
    place = page.locator('.box[data-slot="0|subtotal"]').first
    _drag(finger, place)
    assert phone.value("total") == before
    take = page.get_by_role("button", name="Take text")
    take.tap()
    expect(take).to_have_attribute("aria-pressed", "true")
    phone.field("total").tap()
    _drag(finger, place)
    page.wait_for_function("() => /63,?700.00/.test(document.querySelector('.input[data-slot=\"0|total\"]').value)")
    take.tap()

    # Two fingers zoom the page in its place.
    page.get_by_role("button", name="Width").tap()
    _spread(finger, page.locator("#pages"))
    assert sheet.bounding_box()["width"] > narrow * 1.5
    assert page.evaluate("visualViewport.scale") == 1
    phone.look()
    page.locator("#confirm").tap()
    phone.gone(reading)
    assert phone.decided(reading)[1]["total"] == "63700.00"


def _drag(finger, place):
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    middle = box["y"] + box["height"] / 2

    def send(kind, x=None):
        points = [] if x is None else [{"x": x, "y": middle}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", box["x"] - 3)
    for step in range(1, 6):
        send("touchMove", box["x"] - 3 + (box["width"] + 6) * step / 5)
    # A finger that leaves while it moves lets the page roll on, and the next tap only stops it.
    place.page.wait_for_timeout(100)
    send("touchMove", box["x"] + box["width"] + 3)
    send("touchEnd")


def _spread(finger, place):
    """Two fingers go from each other."""
    box = place.bounding_box()
    middle, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def send(kind, apart=None):
        points = (
            []
            if apart is None
            else [{"x": middle - apart / 2, "y": y, "id": 0}, {"x": middle + apart / 2, "y": y, "id": 1}]
        )
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", 80)
    for apart in (100, 130, 160):
        send("touchMove", apart)
    send("touchEnd")
