"""What tests of operators' pages do on each of them."""

from playwright.sync_api import expect

from .profiles import CONSOLE


def opened(console, path="", key=None, **options):
    """A page whose parts have all come."""
    page = console.page(key, **options)
    page.goto(f"{CONSOLE}/{path}")
    return settled(page)


def settled(page):
    expect(page.locator("#content[aria-busy=true], main [aria-busy=true]")).to_have_count(0)
    return page


def dialog_of(page):
    return page.get_by_role("dialog")


def confirm(page, name):
    dialog_of(page).get_by_role("button", name=name, exact=True).click()


def audit_row(page, action):
    """What a dangerous action shows when it is done."""
    dialog_of(page).get_by_text(action, exact=True).wait_for()
    confirm(page, "Close")


def close_toast(page, text):
    """What was said at the edge; it would hide what is said next."""
    toast = page.locator(".toast").filter(has_text=text)
    toast.get_by_role("button", name="Close").click()
    return toast
