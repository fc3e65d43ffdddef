"""The review from queue to decision: by keyboard alone, by mouse, and what the screen does with what is typed."""

import re

import pytest

from tests.e2e.calling import request

from .profiles import CONSOLE
from .review_page import ReviewPage, corrections, doubtful, invoice, numbers


def test_a_review_from_sign_in_to_the_end_by_keys_alone(console):
    own = console.company()
    first, second, third = doubtful(console, own, pages=True), doubtful(console, own), doubtful(console, own)
    clerk = ReviewPage(console, console.visitor())
    clerk.page.goto(f"{CONSOLE}/reviews?company_id={own}")
    clerk.page.wait_for_url("**/sign-in?next=*")
    clerk.type(console.login("reviewer", own, label="Ama"))
    clerk.press("Enter")
    clerk.page.wait_for_selector("#reviews table")
    clerk.page.get_by_text("3 waiting").wait_for()
    clerk.press("s")
    clerk.shown(first)
    # The doubtful field has the focus, says why, and shows its place.
    assert clerk.focused == "total"
    assert "not what the other amounts give" in clerk.field("total").locator("xpath=..").text_content()
    assert clerk.page.locator(".box.lit").count() == 1
    clerk.press("ArrowUp")
    assert clerk.focused == "tax_total"
    clerk.press("Tab")
    assert clerk.focused == "total"
    clerk.type("76440.00")
    clerk.page.wait_for_selector(".equation.wrong", state="detached")
    clerk.press("Enter")
    assert clerk.focused == "confirm"
    assert "Save 1 change" in clerk.page.locator("#confirm").text_content()
    clerk.look().press("Enter")
    clerk.shown(second)
    assert clerk.said.startswith("Corrected, 1 change")
    state, data, review = clerk.decided(first)
    assert (state, data["total"], corrections(review)) == ("corrected", "76440.00", {"total": '"76440.00"'})
    assert (review["decided_by"], review["history"][0]["by"]) == ("Ama", "Ama")
    assert review["decided_by_id"].startswith("admin-key:")
    everybody = request(f"{console.host}/api/extractions/{first}").json["data"]
    assert (everybody["invoices"][0]["total"], everybody["review"]["state"]) == ("76440.00", "corrected")
    # Postponed by keys: out of the field, the command, a note.
    clerk.look().press("Escape", "p")
    clerk.page.get_by_role("dialog").wait_for()
    clerk.press("Enter")
    clerk.shown(third)
    assert clerk.decided(second)[0] == "postponed"
    # Rejected by keys: the command, the reason.
    clerk.look().press("Escape", "r")
    clerk.type("Not for this company")
    clerk.press("Enter")
    clerk.page.wait_for_url(re.compile(r"/reviews\?"))
    clerk.page.wait_for_selector(".toast")
    state, _, review = clerk.decided(third)
    assert (state, review["decision_reason"]) == ("rejected", "Not for this company")


@pytest.mark.long
def test_a_decided_document_is_decided_anew(console, clerk, company):
    reading = doubtful(console, company)
    clerk.open(reading)
    clerk.look().press("Enter")
    clerk.gone(reading)
    clerk.open(reading)
    assert "confirmed it" in clerk.page.locator("#notices").text_content()
    clerk.page.get_by_role("button", name="Decide anew").click()
    clerk.field("total").fill("76440.00")
    clerk.save()
    state, data, review = clerk.decided(reading)
    assert (state, data["total"], len(review["history"])) == ("corrected", "76440.00", 2)


def test_boxes_and_fields_are_linked_both_ways_and_the_page_is_zoomed_and_turned(clerk, looked_at):
    clerk.open(looked_at).pictured()
    box = clerk.page.locator('.box[data-slot="0|invoice_number"]').first
    box.click()
    assert clerk.focused == "invoice_number"
    lit, marked = clerk.page.locator(".box.lit").bounding_box(), box.bounding_box()
    assert abs(lit["x"] - marked["x"]) < 2
    assert abs(lit["y"] - marked["y"]) < 2
    page = clerk.page.locator(".page").first
    clerk.press("Escape", "w")
    before = page.bounding_box()
    clerk.press("+")
    assert page.bounding_box()["width"] > before["width"] * 1.2
    clerk.press("w", "]")
    turned = page.bounding_box()
    assert turned["width"] > turned["height"]
    clerk.press("[", "0")
    whole = page.bounding_box()
    assert whole["height"] < clerk.page.locator("#pages").bounding_box()["height"]


def test_a_drag_over_the_page_puts_its_text_into_the_field(console, clerk, company):
    reading = doubtful(console, company, pages=True)
    clerk.open(reading).pictured()
    clerk.field("total").focus()
    place = clerk.page.locator('.box[data-slot="0|subtotal"]').first.bounding_box()
    clerk.page.mouse.move(place["x"] - 3, place["y"] - 2)
    clerk.page.mouse.down()
    clerk.page.mouse.move(place["x"] + place["width"] + 3, place["y"] + place["height"] + 2, steps=4)
    clerk.page.mouse.up()
    clerk.page.wait_for_function("() => document.activeElement.value === '63700.00'")
    assert clerk.focused == "total"
    clerk.save()
    _, data, review = clerk.decided(reading)
    sent = review["history"][-1]["corrections"][0]
    assert (data["total"], sent["page"], len(sent["box"])) == ("63700.00", 1, 4)


def test_what_is_typed_is_undone_refused_or_no_candidate(console, clerk, company):
    reading = doubtful(console, company)
    clerk.open(reading)
    # A number takes a candidate, and is a number when more is typed.
    clerk.press("1")
    assert clerk.value("total") == "76440.00"
    clerk.type("23")
    assert clerk.value("total") == "123"
    clerk.press("Escape")
    clerk.press("F2", "Backspace", "1")
    assert clerk.value("total").endswith("1")
    clerk.press("Escape")
    # Undo and redo.
    confirm = clerk.page.locator("#confirm")
    clerk.type("5")
    clerk.press("Enter", "Control+z")
    clerk.page.wait_for_function("() => document.querySelector('#confirm').textContent.startsWith('Confirm')")
    clerk.press("Control+Shift+z")
    assert "Save 1 change" in confirm.text_content()
    clerk.page.locator("#undo").click()
    assert confirm.text_content().startswith("Confirm")
    # The sheet of keys, and the way back out of it.
    clerk.field("total").focus()
    clerk.press("?")
    assert "next doubtful" in clerk.page.get_by_role("dialog").text_content()
    clerk.press("Escape")
    assert clerk.focused == "total"
    # What is no amount is not sent.
    clerk.type("many")
    clerk.look().press("Control+Enter")
    assert clerk.said.startswith("This is not an amount")
    assert clerk.field("total").get_attribute("aria-invalid") == "true"
    assert clerk.decided(reading)[0] == "pending"


@pytest.mark.long
def test_lines_are_added_deleted_and_pasted(console, clerk, company):
    reading = console.read(None, company, data=invoice(next(numbers)), file_name="lines.pdf")["id"]
    clerk.open(reading)
    clerk.press("l")
    assert clerk.focused == "line_items[r0].description"
    clerk.press("ArrowRight", "ArrowDown")
    assert clerk.focused == "line_items[r1].quantity"
    clerk.page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.setData("text/plain", "3\\tTON\\t9,800.00\\t29,400.00\\n2\\tTON\\t1.50\\t3.00\\n");
          document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }"""
    )
    assert "2 lines pasted" in clerk.said
    assert clerk.page.locator("table.grid tbody tr").count() == 3
    # Up to the first line, left to its number, and away with it.
    clerk.press("ArrowUp", "ArrowLeft", "ArrowLeft")
    assert clerk.page.evaluate("document.activeElement.dataset.line") == "r0"
    clerk.press("Delete")
    assert "was deleted" in clerk.said
    assert clerk.page.locator("table.grid tbody tr").count() == 2
    clerk.press("Escape", "l", "ArrowDown", "ArrowDown", "Enter")
    assert clerk.focused.endswith(".description")
    clerk.type("Sand")
    clerk.save()
    _, data, _ = clerk.decided(reading)
    lines = [(line["description"], line["quantity"], line["net_amount"]) for line in data["line_items"]]
    assert lines == [("Iron rods 12mm", "3", "29400.00"), (None, "2", "3.00"), ("Sand", None, None)]


def test_the_accuracy_is_shown_by_week_field_and_seller(console, clerk):
    own = console.company()
    right, wrong = doubtful(console, own), doubtful(console, own)
    console.api("POST", f"reviews/{right}/decision", {"decision": "confirm"})
    corrected = {"decision": "correct", "corrections": [{"field": "total", "value": "76440.00"}]}
    console.api("POST", f"reviews/{wrong}/decision", corrected)
    page = clerk.page
    page.goto(f"{CONSOLE}/accuracy?company_id={own}")
    by_field = page.get_by_role("region", name="By field").get_by_role("row").filter(has_text="Total").first
    assert re.findall(r"\d+", by_field.inner_text())[:3] == ["2", "1", "50"]
    seller = page.get_by_role("region", name="By seller").get_by_role("row").filter(has_text="Adom")
    assert "50" in seller.inner_text()
    page.locator("figure.chart").get_by_text("Table").click()
    assert page.locator("figure.chart").get_by_role("row").last.get_by_role("cell").all_inner_texts()[-3:] == [
        "1",
        "1",
        "2",
    ]
