"""What operators' pages show and find: reports, readings, alerts, logs, audit; lists that fail or go on."""

import csv
import io
import re
import time

import pytest
from playwright.sync_api import expect

from tests.e2e.calling import SAMPLES, control, rows, write

from .operator_page import audit_row, confirm, dialog_of, opened, settled
from .profiles import CONSOLE

SAMPLE = SAMPLES / "gst-invoice.pdf"


def test_the_overview_shows_what_was_used_each_chart_with_its_table_and_what_needs_somebody(console, stack):
    company = console.company()
    console.read(SAMPLE, company)
    (key,) = console.api("GET", f"tokens?company_id={company}")["items"]
    console.api("PATCH", f"tokens/{key['token_id']}", {"total_token_limit": key["used_tokens"] + 10})
    write(
        stack,
        "INSERT INTO Alerts (Kind, Subject, Severity, Message) VALUES ('seen', ?, 'critical', ?)",
        company,
        f"Look at {company}",
    )
    page = opened(console, f"?company_id={company}")
    assert page.locator(".figure", has=page.get_by_text("Calls", exact=True)).locator("dd").inner_text() == "1"
    charts = page.locator("figure.chart")
    assert charts.count() == 4
    charts.first.get_by_text("Table").click()
    assert charts.first.get_by_role("row").last.get_by_role("cell").last.inner_text() == "1"
    low = page.get_by_role("region", name="Keys near their limit")
    low.get_by_role("cell", name=company).wait_for()
    assert "Runs out" in low.inner_text()
    page.get_by_role("region", name="Open alerts").get_by_text(f"Look at {company}").wait_for()
    assert page.locator(".figure").filter(has_text="Without review").locator("dd").inner_text()[0].isdigit()
    page.get_by_label("By").select_option("source")
    settled(page)
    charts.first.get_by_text("Table").click()
    charts.first.get_by_role("columnheader", name="http").wait_for()
    page.get_by_label("By").select_option("model")
    settled(page)
    page.get_by_role("heading", name="How long calls take").wait_for()
    assert "gemini" in page.locator("section.card").filter(has_text="How long calls take").inner_text()
    page.goto(f"{CONSOLE}/?company_id=NOBODY")
    page.get_by_text("Nothing was used in these days.").wait_for()
    page.get_by_text("No key is near its limit.").wait_for()


def test_readings_are_found_by_everything_that_is_known_of_them_and_opened(console, stack):
    company = console.company()
    control(stack["gemini"], "faults", {"kind": "html_502"})
    good = console.read(SAMPLE, company, file_name="right.pdf", username="ama")
    console.read(SAMPLES / "ghana-vat-invoice.pdf", company, file_name="other.pdf", username="kofi")
    number = good["invoices"][0]["invoice_number"]
    page = opened(console, f"extractions?company_id={company}")
    table = page.get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(3)
    page.get_by_label("File name holds").fill("right")
    expect(table.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="right.pdf").click()
    page.wait_for_url(f"**/extractions/{good['id']}")
    settled(page)
    text = page.locator("main").inner_text()
    assert number in text
    assert "Booked: " in text
    failed = page.get_by_role("region", name="Attempts that failed")
    assert "502" in failed.inner_text()
    assert "Yes" in failed.inner_text(), "it was tried again"
    page.get_by_text("The whole answer as JSON").click()
    assert '"invoice_number"' in page.locator("pre").first.inner_text()
    page.go_back()
    assert page.get_by_label("File name holds").input_value() == "right"
    # Each filter: with what is known of the reading, and with what is not.
    facts = console.api("GET", f"extractions/{good['id']}")
    page.get_by_label("File name holds").fill("")
    page.get_by_text("More filters").click()
    known = {
        "Invoice number": (number, "X-1"),
        "User": ("ama", "nobody"),
        "Request id": (
            rows(stack, "SELECT RequestID FROM TokenUsageLogs WHERE CallID = ?", facts["call_id"])[0]["RequestID"],
            "r-none",
        ),
        "Call id": (facts["call_id"], "0" * 32),
        "SHA-256 of the file": (facts["document_sha256"], "0" * 64),
    }
    for label, (right, wrong) in known.items():
        field = page.get_by_label(label, exact=True)
        for text, count in ((wrong, 0), (right, 1)):
            field.fill(text)
            page.keyboard.press("Enter")
            expect(page.locator("tbody tr")).to_have_count(count)
        field.fill("")
    page.get_by_label("Verdict").select_option("not_an_invoice")
    page.get_by_text("No reading fits.").wait_for()
    page.get_by_label("Verdict").select_option("")
    page.get_by_label("State").select_option("done")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_label("Up to").fill("2020-01-01")
    page.get_by_text("No reading fits.").wait_for()


def test_a_document_is_read_again_and_erased(console):
    company = console.company(mode="everything")
    first = console.read(SAMPLE, company, file_name="again.pdf")
    console.wait_for_copy(first["id"])
    page = opened(console, f"extractions/{first['id']}")
    page.get_by_role("button", name="Read again").click()
    confirm(page, "Read again")
    audit_row(page, "extraction.reread")
    page.wait_for_url(f"**/extractions?document_sha256={first['provenance']['sha256']}")
    deadline = time.monotonic() + 20
    while len(console.api("GET", f"extractions?company_id={company}")["items"]) < 2:
        assert time.monotonic() < deadline, "it was not read again"
        time.sleep(0.1)
    page.goto(f"{CONSOLE}/extractions/{first['id']}")
    page.get_by_role("button", name="Erase", exact=True).click()
    dialog = dialog_of(page)
    dialog.get_by_role("button", name="Erase for ever").click()
    assert dialog.is_visible(), "the company's name is to be typed first"
    dialog.get_by_label(re.compile("to confirm")).fill(company)
    dialog.get_by_role("button", name="Erase for ever").click()
    audit_row(page, "extraction.erase")
    page.get_by_role("heading", name="Erased reading").wait_for()
    left = console.api("GET", f"extractions?company_id={company}")["items"]
    assert {one["erased_at"] is None for one in left} == {False}


def test_viewers_and_reviewers_see_what_their_role_allows_and_change_nothing(console):
    company = console.company()
    number = console.read(SAMPLE, company)["invoices"][0]["invoice_number"]
    changing = re.compile("^(Add a |Block|Rotate|Change key|Change quota|Read again|Erase|Close alert)")
    for role in ("viewer", "reviewer"):
        sees_readings = role == "reviewer"
        page = opened(console, f"extractions?company_id={company}", key=console.login(role))
        assert (number in page.locator("main").inner_text()) == sees_readings
        assert page.get_by_label("Invoice number").count() == sees_readings
        assert page.get_by_role("table").get_by_role("link").count() == sees_readings
        linked = {one.text_content().strip() for one in page.get_by_role("navigation").get_by_role("link").all()}
        assert {"Overview", "Keys", "Usage", "Alerts"} <= linked
        assert ("Reviews" in linked) == sees_readings
        assert not {"Health", "Webhooks", "Logs", "Audit", "Try it"} & linked
        for path in ("keys", "quotas", "alerts?state=all"):
            page.goto(f"{CONSOLE}/{path}")
            settled(page)
            assert page.get_by_role("button", name=changing).count() == 0, path
    for path in ("logs", "health", "audit", "webhooks", "try"):
        page.goto(f"{CONSOLE}/{path}", wait_until="commit")
        page.get_by_text("This needs the role").wait_for()


def test_a_report_is_built_and_taken_away_as_a_file(console):
    company = console.company()
    console.read(SAMPLE, company, username="ama", branch="=1+1")
    page = opened(console, f"usage?company_id={company}")
    page.get_by_label("Company", exact=True).nth(1).uncheck()
    page.get_by_label("User", exact=True).nth(1).check()
    page.get_by_label("Key", exact=True).check()
    settled(page)
    assert page.get_by_role("table").get_by_role("row").nth(1).inner_text().startswith("ama")
    with page.expect_download() as download:
        page.get_by_role("link", name="As CSV").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    (line,) = csv.DictReader(io.StringIO(text))
    assert (line["user"], line["requests"]) == ("ama", "1")
    page.get_by_label("User", exact=True).first.fill("nobody")
    page.keyboard.press("Enter")
    page.get_by_text("Nothing was used.").wait_for()
    page.get_by_label("User", exact=True).first.fill("")
    page.reload()
    assert page.get_by_label("User", exact=True).nth(1).is_checked()


def test_an_alert_is_closed(console, stack):
    write(stack, "INSERT INTO Alerts (Kind, Subject, Severity, Message) VALUES ('test', 'x', 'warning', 'Look here')")
    page = opened(console, "alerts?kind=test")
    row = page.get_by_role("row").filter(has_text="Look here")
    row.get_by_role("button", name="Close").click()
    confirm(page, "Close it")
    audit_row(page, "alert.close")
    page.get_by_text("Nothing is open.").wait_for()
    page.get_by_label("State").select_option("closed")
    page.get_by_role("row").filter(has_text="Look here").wait_for()


def test_health_shows_each_check(console):
    page = opened(console, "health")
    assert "Database" in page.locator("main").inner_text()
    with page.expect_response(lambda answer: "/diagnostics" in answer.url):
        page.get_by_role("button", name="Look again").click()
    settled(page)
    page.get_by_role("heading", name="Checks").wait_for()


def test_the_log_is_live_and_what_is_the_same_costs_no_content(console, stack):
    page = console.page(own=True)
    page.clock.install()
    answers = []
    page.on("response", lambda answer: answers.append(answer.status) if "/manage/logs" in answer.url else None)

    def polled(until):
        """Lets the seconds between two looks pass."""
        with page.expect_response(lambda answer: "/manage/logs" in answer.url and until(answer.status)):
            page.clock.fast_forward(2_100)

    page.goto(f"{CONSOLE}/logs?contains=seen-by-the-tail")
    page.get_by_text("No line fits.").wait_for()
    polled(lambda status: status == 304)
    write(
        stack,
        "INSERT INTO ApplicationLogs (LogLevel, Logger, Message) VALUES ('ERROR', 'a.logger', 'seen-by-the-tail')",
    )
    polled(lambda status: status == 200)
    page.locator(".log").get_by_text("seen-by-the-tail").wait_for()
    page.get_by_role("button", name="Pause").click()
    before = len(answers)
    page.locator(".log summary").first.click()
    page.locator(".log").get_by_text("a.logger").wait_for()
    page.clock.fast_forward(10_000)
    assert len(answers) == before
    with page.expect_response(lambda answer: "/manage/logs" in answer.url):
        page.get_by_role("button", name="Go on").click()


def test_the_audit_shows_what_changed_and_is_searched(console):
    company = console.company()
    (key,) = console.api("GET", f"tokens?company_id={company}")["items"]
    console.api("POST", f"tokens/{key['token_id']}/block")
    page = opened(console, f"audit?target=token%20{key['token_id']}")
    page.locator("summary").filter(has_text="token.block").click()
    changed = page.get_by_role("region", name="What changed").first.inner_text()
    assert "Active" in changed
    assert "Blocked" in changed
    page.get_by_label("What", exact=True).fill("token.nothing")
    page.keyboard.press("Enter")
    page.get_by_text("No row fits.").wait_for()


@pytest.mark.long
def test_a_list_that_fails_says_so_and_can_be_tried_again(console):
    page = console.page()
    fails = {"left": 1}

    def break_once(route):
        if fails["left"]:
            fails["left"] -= 1
            route.fulfill(
                status=503,
                content_type="application/json",
                body='{"status":"error","message":"The database does not answer.","request_id":"r1","data":null,'
                '"error":{"code":"DATABASE_UNAVAILABLE","retryable":true,"details":{},"retry_after_seconds":5,"retry_at":null}}',
            )
        else:
            route.continue_()

    page.route("**/api/manage/tokens?*", break_once)
    page.goto(f"{CONSOLE}/keys")
    page.get_by_role("alert").filter(has_text="The database does not answer. Try again in 5 seconds.").wait_for()
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("table").wait_for()


@pytest.mark.long
def test_a_list_goes_on_where_it_ended(console, stack):
    for number in range(60):
        write(stack, "INSERT INTO Alerts (Kind, Subject, Severity, Message, ClosedAt) VALUES ('many', ?, 'info', ?, '2026-01-01 00:00:00')", f"many-{number}", "word " * 200)  # fmt: skip
    page = opened(console, "alerts?kind=many&state=closed")
    assert page.locator("tbody tr").count() == 50
    page.get_by_role("button", name="Show more").click()
    page.get_by_text("60 shown").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.get_by_role("button", name="Show more").count() == 0
