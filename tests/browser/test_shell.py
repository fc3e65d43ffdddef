"""Signing in and out of the console, its ended sessions, its colours and its menu, in a real browser."""

import re

import pytest

from .profiles import CONSOLE


@pytest.fixture
def visitor(console):
    return console.visitor()


def test_a_key_signs_in_and_leads_back_to_the_page_that_was_asked_for(visitor, console):
    visitor.goto(f"{CONSOLE}/keys?status=Blocked")
    assert "/sign-in?next=" in visitor.url
    visitor.get_by_label("Admin key").fill("wrong.key")
    visitor.keyboard.press("Enter")
    visitor.get_by_role("alert").filter(has_text=re.compile("login|key", re.IGNORECASE)).wait_for()
    visitor.get_by_label("Admin key").fill(console.admin_key)
    visitor.keyboard.press("Enter")
    visitor.wait_for_url(f"**{CONSOLE}/keys?status=Blocked")
    assert visitor.get_by_label("Status").input_value() == "Blocked"
    assert visitor.evaluate("document.cookie") == "", "no script reads the session"


@pytest.mark.long
def test_a_page_elsewhere_is_not_where_sign_in_leads_to(visitor, console):
    for wanted in (
        "//evil.example/",
        "https://evil.example/",
        "../../../evil",
        "javascript:alert(1)",
        "\\\\evil.example",
    ):
        visitor.goto(f"{CONSOLE}/sign-in?next={wanted}")
        visitor.context.clear_cookies()
        visitor.get_by_label("Admin key").fill(console.admin_key)
        visitor.keyboard.press("Enter")
        visitor.wait_for_url(lambda url: "/sign-in" not in url, wait_until="commit")
        assert visitor.url.startswith(f"{console.host}{CONSOLE}/"), wanted
        visitor.context.clear_cookies()


def test_signing_out_ends_the_session(console):
    page = console.page(own=True)
    page.goto(f"{CONSOLE}/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"**{CONSOLE}/sign-in")
    page.goto(f"{CONSOLE}/keys")
    assert "/sign-in" in page.url


@pytest.mark.long
def test_an_ended_session_is_begun_anew_in_place_and_nothing_typed_is_lost(console):
    company = console.company()
    page = console.page(own=True)
    page.goto(f"{CONSOLE}/quotas")
    page.get_by_role("button", name="Add a quota").click()
    page.locator("#ask-company_id").fill(company)
    page.get_by_label("Tokens a day").fill("5000")
    page.context.clear_cookies()
    page.get_by_role("button", name="Add", exact=True).click()
    again = page.get_by_role("heading", name="Your session has ended")
    again.wait_for()
    page.locator("#again-key").fill("0123.wrongwrongwrongwrongwrong")
    page.keyboard.press("Enter")
    page.locator(".sign-in-again .note.bad:visible").wait_for()
    page.locator("#again-key").fill(console.admin_key)
    page.keyboard.press("Enter")
    again.wait_for(state="detached")
    page.get_by_text("was added").wait_for()
    assert [quota["daily_limit"] for quota in console.api("GET", f"quotas?company_id={company}")["items"]] == [5000]


@pytest.mark.long
def test_a_tab_goes_on_when_another_one_has_signed_in_anew(console):
    company = console.company()
    first = console.page(own=True)
    first.goto(f"{CONSOLE}/keys?company_id={company}")
    first.get_by_role("button", name="Block key").wait_for()
    first.context.clear_cookies()
    second = first.context.new_page()
    second.goto(f"{CONSOLE}/sign-in")
    second.get_by_label("Admin key").fill(console.admin_key)
    second.keyboard.press("Enter")
    second.wait_for_url(f"**{CONSOLE}/")
    first.get_by_role("button", name="Block key").click()
    first.get_by_role("dialog").get_by_role("button", name="Block", exact=True).click()
    first.get_by_role("dialog").get_by_text("token.block", exact=True).wait_for()


def test_the_link_of_the_local_stack_signs_in_once(console, running):
    link = re.search(r"http://localhost:\d+\S+#link=\S+", running.console)[0]
    for attempt in ("first", "second"):
        page = console.visitor()
        page.goto(link)
        if attempt == "first":
            page.wait_for_url(lambda url: url.endswith(f"{CONSOLE}/"))
            page.get_by_role("heading", name="Overview").wait_for()
        else:
            page.get_by_role("alert").filter(has_text="used already").wait_for()
            assert "#" not in page.url, "the secret is not left in the history"
    assert running.ready["console"].endswith(f"{CONSOLE}/")


@pytest.mark.parametrize("scheme", [pytest.param("light", marks=pytest.mark.long), "dark"])
def test_the_colours_follow_the_system_until_somebody_chooses(console, scheme):
    page = console.page(color_scheme=scheme)
    page.goto(f"{CONSOLE}/")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    before = page.evaluate(background)
    page.get_by_role("button", name="Change colours").click()
    after = page.evaluate(background)
    assert before != after
    page.reload()
    assert page.evaluate(background) == after
    assert (before == "rgb(18, 21, 26)") == (scheme == "dark")


@pytest.mark.long
def test_on_a_narrow_screen_the_menu_opens_by_keyboard(console):
    page = console.page(viewport={"width": 360, "height": 740})
    page.goto(f"{CONSOLE}/")
    page.get_by_role("heading", name="Overview").wait_for()
    menu = page.get_by_role("button", name="Menu")
    menu.focus()
    page.keyboard.press("Enter")
    assert menu.get_attribute("aria-expanded") == "true"
    page.get_by_role("link", name="Keys").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{CONSOLE}/keys")
