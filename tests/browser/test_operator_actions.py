"""What operators do on their pages, by clicks: keys, quotas, receivers of webhooks; each with its row of the audit."""

import http.server
import re
import threading

import pytest

from tests.e2e.calling import SAMPLES

from .operator_page import audit_row, close_toast, confirm, dialog_of, opened, settled
from .profiles import CONSOLE

SAMPLE = SAMPLES / "gst-invoice.pdf"


def test_a_key_is_added_tested_changed_rotated_and_blocked(console):
    company = console.company()
    page = opened(console, f"keys?company_id={company}")
    page.get_by_role("button", name="Add a key").click()
    dialog = dialog_of(page)
    dialog.get_by_label("The provider's key").fill("AIzaConsoleKey-0123456789-wxyz")
    dialog.get_by_label("Limit in tokens, for life").fill("250000")
    confirm(page, "Add")
    audit_row(page, "token.add")
    row = page.get_by_role("row").filter(has_text="wxyz")
    row.wait_for()
    row.get_by_role("button", name="Test").click()
    page.locator(".toast").filter(has_text="models").wait_for()
    row.get_by_role("button", name="Change").click()
    dialog.get_by_label("Limit in tokens, for life").fill("300000")
    confirm(page, "Save")
    audit_row(page, "token.change")
    row.get_by_role("button", name="Rotate").click()
    dialog.get_by_label("The new key").fill("AIzaConsoleKey-0123456789-rrrr")
    confirm(page, "Rotate")
    audit_row(page, "token.rotate")
    row = page.get_by_role("row").filter(has_text="rrrr")
    row.get_by_role("button", name="Block").click()
    assert "not served by it any more" in dialog.inner_text()
    confirm(page, "Block")
    audit_row(page, "token.block")
    row.get_by_text("Blocked").wait_for()
    page.get_by_label("Status").select_option("Blocked")
    page.get_by_role("row").filter(has_text="Active").wait_for(state="detached")
    row.get_by_role("button", name="Activate").click()
    confirm(page, "Activate")
    audit_row(page, "token.activate")
    (made,) = [
        key for key in console.api("GET", f"tokens?company_id={company}")["items"] if key["api_key_hint"] == "rrrr"
    ]
    assert (made["total_token_limit"], made["status"]) == (300000, "Active")
    assert "AIzaConsoleKey" not in page.content()


@pytest.mark.long
def test_a_change_that_came_too_late_is_refused_and_said(console):
    company = console.company()
    (key,) = console.api("GET", f"tokens?company_id={company}")["items"]
    page = opened(console, f"keys?company_id={company}")
    page.get_by_role("button", name="Change key").click()
    dialog = dialog_of(page)
    dialog.wait_for()
    console.api("PATCH", f"tokens/{key['token_id']}", {"total_token_limit": 5})
    dialog.get_by_label("Limit in tokens, for life").fill("7")
    confirm(page, "Save")
    dialog.get_by_role("alert").wait_for()
    assert console.api("GET", f"tokens/{key['token_id']}")["total_token_limit"] == 5
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert page.evaluate("document.activeElement.textContent") == "Change", "the focus is back where it was"


def test_a_quota_is_added_changed_begun_anew_and_deleted(console):
    company = console.company()
    page = opened(console, f"quotas?company_id={company}")
    page.get_by_text("There is no such quota").wait_for()
    page.get_by_role("button", name="Add a quota").click()
    dialog = dialog_of(page)
    dialog.get_by_label("Of", exact=True).select_option("user")
    dialog.get_by_label("Name of the branch or user").fill("ama")
    dialog.get_by_label("Tokens a month").fill("90000")
    confirm(page, "Add")
    audit_row(page, "quota.add")
    row = page.get_by_role("row").filter(has_text="ama")
    row.get_by_role("button", name="Change").click()
    dialog.get_by_label("Tokens a day").fill("4000")
    confirm(page, "Save")
    audit_row(page, "quota.change")
    row.get_by_role("button", name="Begin anew").click()
    confirm(page, "Begin anew")
    audit_row(page, "quota.reset")
    (quota,) = console.api("GET", f"quotas?company_id={company}")["items"]
    assert (quota["subject"], quota["daily_limit"], quota["monthly_limit"]) == ("ama", 4000, 90000)
    row.get_by_role("button", name="Delete").click()
    confirm(page, "Delete")
    audit_row(page, "quota.delete")
    page.get_by_text("There is no such quota").wait_for()


@pytest.fixture
def receiver():
    """A server that takes messages, and says to whom it belongs."""

    class Taking(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()


def test_a_receiver_is_added_and_its_secret_shown_once_and_a_message_sent_again(console, receiver):
    company = console.company()
    page = opened(console, f"webhooks?company_id={company}")
    page.get_by_role("button", name="Add a receiver").click()
    dialog = dialog_of(page)
    dialog.get_by_label("Address").fill("http://127.0.0.1:9/hook")
    confirm(page, "Save")
    page.locator(".secret").wait_for()
    secret = page.locator(".secret").inner_text()
    assert secret.startswith("whsec_")
    confirm(page, "I have it")
    row = page.get_by_role("row").filter(has_text="127.0.0.1")
    row.get_by_role("button", name="Test").click()
    close_toast(page, "It did not take it")
    console.read(SAMPLE, company)
    page.reload()
    message = settled(page).get_by_role("row").filter(has_text="extraction.done")
    row.get_by_role("button", name="Change").click()
    dialog.get_by_label("Address").fill(receiver)
    confirm(page, "Save")
    audit_row(page, "webhook.set")
    row.filter(has_text=receiver).get_by_role("button", name="Test").click()
    close_toast(page, "The receiver took it")
    message.get_by_role("button", name="Send message").click()
    confirm(page, "Send")
    audit_row(page, "webhook.redeliver")
    row.get_by_role("button", name="New secret").click()
    confirm(page, "Make one")
    page.locator(".secret").wait_for()
    assert page.locator(".secret").inner_text() != secret
    confirm(page, "I have it")
    row.get_by_role("button", name="Retire the old").click()
    confirm(page, "Retire")
    audit_row(page, "webhook.retire")
    row.get_by_role("button", name="Remove").click()
    dialog.get_by_label(re.compile("to confirm")).fill(company)
    confirm(page, "Remove")
    audit_row(page, "webhook.remove")
    page.get_by_text("No company is told of its readings.").wait_for()
    assert secret not in page.content()
    page.goto(f"{CONSOLE}/webhooks?company_id={company}&state=delivered")
    settled(page).get_by_role("row").filter(has_text="extraction.done").wait_for()
