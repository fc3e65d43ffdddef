"""The review of documents of every kind: several invoices, data without pages, what is not kept, and unusual ones."""

import re

import pytest

from tests.e2e.calling import INVOICES

from .review_page import doubtful, invoice, numbers, wrong_total

XML = INVOICES / "fx-DATA-002.xml"
_LINE = re.compile(r"\s*<ram:IncludedSupplyChainTradeLineItem>.*?</ram:IncludedSupplyChainTradeLineItem>", re.DOTALL)
_AMOUNT = re.compile(r"(<ram:(?:\w*Amount|BilledQuantity)\b[^>]*>)(\d)")
_PRICE = re.compile(r"(<ram:NetPriceProductTradePrice>\s*<ram:ChargeAmount>)-")


def xml(number, change=lambda text: text):
    """The e-invoice with a number of its own, and whatever else is changed in it."""
    text = change(XML.read_text(encoding="utf-8")).replace("FA-2026-0001", f"FA-{number}")
    return text.encode()


def read_xml(console, company, change=lambda text: text):
    return console.read(None, company, data=xml(next(numbers), change), file_name="invoice.xml")["id"]


@pytest.mark.long
def test_several_invoices_are_tabs(console, clerk, company):
    reading = console.read(INVOICES / "syn-two-invoices.pdf", company)["id"]
    clerk.open(reading)
    tabs = clerk.page.locator("[role=tab]")
    assert tabs.count() == 2
    assert "2 invoices" in clerk.page.locator("#notices").text_content()
    tabs.nth(1).click()
    assert clerk.field("invoice_number", 1).is_visible()
    assert not clerk.field("invoice_number", 0).is_visible()
    clerk.field("invoice_number", 1).fill("SECOND")
    clerk.save()
    invoices = console.api("GET", f"reviews/{reading}")["data"]["invoices"]
    assert [one["invoice_number"] == "SECOND" for one in invoices] == [False, True]


@pytest.mark.long
def test_data_without_pages_is_reviewed_without_them(console, clerk, company):
    clerk.open(read_xml(console, company))
    clerk.page.get_by_text("data without pages").wait_for()
    assert not clerk.page.locator("#document").is_visible()
    assert clerk.focused == "invoice_date"
    clerk.press("Tab")
    assert clerk.focused == "seller.tax_id"
    # In place of its place on a page: its element.
    (element,) = clerk.page.locator(".element:visible").all_text_contents()
    assert "CrossIndustryInvoice/" in element


def test_a_document_that_is_not_kept_is_reviewed_without_its_page_and_says_so(console, clerk):
    reading = console.read(None, console.company(), data=invoice(next(numbers)), file_name="gone.pdf")["id"]
    clerk.open(reading)
    clerk.page.get_by_text("This document is not kept here").wait_for()
    assert not clerk.page.locator("#document").is_visible()
    clerk.press("/")
    clerk.type("due")
    clerk.press("Enter")
    clerk.type("2026-04-05")
    clerk.save()
    assert clerk.decided(reading)[:2][1]["due_date"] == "2026-04-05"


@pytest.mark.long
def test_a_newer_reading_asks_which_value_counts(console, clerk, company):
    document = wrong_total(next(numbers))
    first = console.read(None, company, data=document, file_name="again.pdf")["id"]
    clerk.open(first)
    clerk.press("1", "Enter")
    clerk.look().press("Enter")
    clerk.gone(first)
    newer = console.read(None, company, data=document, file_name="again.pdf", force="true")["id"]
    assert newer != first
    clerk.open(newer)
    asked = clerk.page.locator(".earlier")
    assert "76,440.00" in asked.text_content()
    assert "76,448.00" in asked.text_content()
    asked.get_by_role("button", name="Use the new reading everywhere").click()
    assert "Save 1 change" in clerk.page.locator("#confirm").text_content()
    clerk.save()
    assert clerk.decided(newer)[1]["total"] == "76448.00"


@pytest.mark.long
def test_a_credit_note_has_negative_amounts(console, clerk, company):
    def credited(text):
        # Quantities and sums are negative, prices are not.
        negative = _PRICE.sub(r"\1", _AMOUNT.sub(r"\1-\2", text))
        return negative.replace("<ram:TypeCode>380<", "<ram:TypeCode>381<")

    reading = read_xml(console, company, credited)
    clerk.open(reading)
    assert clerk.field("total").input_value().startswith(("-", "\u2212"))
    first = clerk.field("line_items[r0].net_amount")
    assert first.input_value() in {"-2,400.00", "\u22122,400.00"}
    # Whatever way a negative amount is written, it is one.
    for text in ("(2,400.00)", "2400.00-", "\u22122400.00"):
        first.fill(text)
        first.blur()
        assert first.input_value() in {"-2,400.00", "\u22122,400.00"}, text
    assert clerk.page.locator("#confirm").text_content().startswith("Confirm"), "nothing is changed"
    first.fill("-2,000")
    first.blur()
    clerk.page.locator(".equation.wrong").filter(has_text="Line 1").wait_for()
    clerk.save()
    assert clerk.decided(reading)[1]["line_items"][0]["net_amount"] == "-2000"


@pytest.mark.long
def test_a_document_that_is_written_from_right_to_left(console, clerk, company):
    seller, line = "شركة النور للتجارة", "حديد تسليح 12 مم"

    def arabic(text):
        return text.replace("Atelier Berthier SARL", seller).replace("Maintenance preventive CVC - aout 2026", line)

    reading = read_xml(console, company, arabic)
    clerk.page.goto(f"/api/manage/console/reviews?company_id={company}&order=newest")
    clerk.page.get_by_role("link", name=seller).click()
    clerk.shown(reading)
    directions = [
        part.first.evaluate("(one) => [getComputedStyle(one).direction, one.matches(':dir(rtl)')]")
        for part in (clerk.field("seller.name"), clerk.field("line_items[r0].description"), clerk.page.locator("#what"))
    ]
    assert directions == [["rtl", True]] * 3
    assert clerk.field("line_items[r1].description").evaluate("(one) => one.matches(':dir(ltr)')")
    assert clerk.field("seller.name").input_value() == seller
    total = clerk.field("total")
    with clerk.page.expect_response(lambda answer: answer.url.endswith("/check")):
        total.fill("٣٬٠٤٢٫٠٠")
    total.blur()
    assert total.input_value() == "3,042.00"
    clerk.field("buyer.name").fill("بلدية")
    clerk.save()
    assert clerk.decided(reading)[1]["buyer"]["name"] == "بلدية"


def cpu_seconds(page):
    """Tells the CPU time that the page has taken so far, however busy the machine is."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    return lambda: next(
        one["value"] for one in session.send("Performance.getMetrics")["metrics"] if one["name"] == "TaskDuration"
    )


@pytest.mark.parametrize("lines", [300])
@pytest.mark.long
def test_an_invoice_with_hundreds_of_lines_stays_usable(console, clerk, company, lines):
    def long(text):
        first, *others = _LINE.findall(text)
        for other in others:
            text = text.replace(other, "")
        numbered = (first.replace("<ram:LineID>1<", f"<ram:LineID>{number}<") for number in range(1, lines + 1))
        return text.replace(first, "".join(numbered))

    reading = read_xml(console, company, long)
    clerk.open(reading)
    assert clerk.page.locator("table.grid tbody tr").count() == lines
    busy = cpu_seconds(clerk.page)
    last = f"line_items[r{lines - 1}].net_amount"
    before = busy()
    clerk.field(last).focus()
    clerk.type("2399.50")
    clerk.press("Tab", "Shift+Tab", "ArrowUp", "ArrowDown")
    clerk.field("total").focus()
    clerk.type("864000.00")
    clerk.page.locator(".equation.wrong").filter(has_text=f"Line {lines}").wait_for()
    each = (busy() - before) / clerk.keys * 1000
    print(f"{lines} lines: a key takes {each:.0f} ms of the page's CPU, with what the checks then change")
    assert each < 120
    clerk.save()
    assert clerk.decided(reading)[1]["line_items"][-1]["net_amount"] == "2399.50"


@pytest.mark.long
def test_a_fresh_document_gets_its_page_when_its_copy_is_there(console, clerk, company):
    clerk.open(doubtful(console, company)).pictured()
    assert clerk.page.locator(".box").count() > 0
