"""Sign-in and sessions: what a cookie holds, when it ends, and which requests it stands for."""

import hashlib

import pytest
from sqlalchemy import select, update

from shared_code.admin.auth import Authenticator
from shared_code.database import tables
from shared_code.database.clock import utc_in
from shared_code.database.stores.operations import admin_keys, console_sessions
from shared_code.database.stores.operations.admin_keys import AdminRole
from tests.integration.console.conftest import OTHER, Browser
from tests.unit.web.platform_logins import app_service_header

table = tables.console_sessions


def age(api, **columns):
    api.services.database.run(lambda connection: connection.execute(update(table).values(columns)))


def test_a_session_is_a_cookie_that_no_script_reads_and_no_other_site_sends(browser, attributes):
    answer = browser.post("console/sign-in", {"key": browser.api.key})
    cookie = attributes(answer.headers["set-cookie"])
    assert (cookie.name, cookie.path, cookie.samesite) == ("console_session", "/api/manage", "strict")
    assert cookie.httponly == ""
    assert not hasattr(cookie, "secure"), "a browser would not send it to a machine of one's own over http"
    assert int(cookie.max_age) == console_sessions.LONGEST_SECONDS


def test_off_this_machine_the_cookie_is_sent_over_https_only(api, attributes):
    away = Browser(api, host="invoices.example")
    assert hasattr(attributes(away.post("console/sign-in", {"key": api.key}).headers["set-cookie"]), "secure")


def test_only_the_digest_of_a_session_is_stored(browser):
    browser.sign_in()
    (row,) = browser.api.rows(table)
    secret = browser.cookies["console_session"]
    assert row.Sha256 == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(row)
    assert secret not in str(browser.api.rows())


def test_signing_in_and_out_stands_in_the_audit(browser):
    browser.sign_in()
    assert browser.post("console/sign-out", {}).status == 200
    key_id = browser.api.key.partition(".")[0]
    assert [(row.Action, row.Actor) for row in browser.api.rows()] == [
        ("console.sign-in", f"admin-key:{key_id}"),
        ("console.sign-out", f"admin-key:{key_id}"),
    ]
    assert browser.cookies == {}
    assert browser.api.rows(table) == []


def test_a_cookie_that_was_signed_out_counts_no_more(browser):
    browser.sign_in()
    kept = dict(browser.cookies)
    browser.post("console/sign-out", {})
    browser.cookies = kept
    assert browser.get("tokens").status == 401


def test_a_session_opens_pages_and_the_api(browser):
    assert browser.get("tokens").status == 401
    browser.sign_in()
    assert browser.page().status == 200
    assert browser.get("tokens").status == 200
    assert browser.get("console/session").data["role"] == "admin"


def test_without_a_session_a_page_leads_to_sign_in_and_back(browser):
    answer = browser.get("console/extractions?state=failed")
    assert answer.status == 303
    assert answer.headers["location"] == "/api/manage/console/sign-in?next=extractions%3Fstate%3Dfailed"
    assert browser.get("console").headers["location"] == "/api/manage/console/"


def test_who_is_signed_in_is_not_asked_again(browser):
    browser.sign_in()
    assert browser.get("console/sign-in").headers["location"] == "/api/manage/console/"


@pytest.mark.parametrize("column", ["ExpiresAt", "LastUsedAt"])
def test_a_session_ends_by_age_and_when_nobody_uses_it(browser, column):
    browser.sign_in()
    ended = {"ExpiresAt": utc_in(-1), "LastUsedAt": utc_in(-console_sessions.IDLE_SECONDS - 1)}
    age(browser.api, **{column: ended[column]})
    assert browser.get("tokens").status == 401
    assert browser.get("console/").status == 303


def test_ended_sessions_are_taken_away_by_the_next_sign_in(browser):
    browser.sign_in()
    age(browser.api, ExpiresAt=utc_in(-1))
    Browser(browser.api).sign_in()
    assert len(browser.api.rows(table)) == 1


def test_a_page_that_asks_by_itself_does_not_keep_a_session_alive(browser):
    browser.sign_in()
    age(browser.api, LastUsedAt=utc_in(-3600))
    (before,) = browser.api.rows(table)
    assert browser.get("tokens", headers={"x-console-background": "1"}).status == 200
    assert browser.api.rows(table) == [before]
    assert browser.get("tokens").status == 200
    assert browser.api.rows(table)[0].LastUsedAt > before.LastUsedAt


def test_a_session_ends_with_its_key(browser):
    browser.sign_in()
    key_id = browser.api.key.partition(".")[0]
    browser.api.services.database.run(lambda connection: admin_keys.revoke_admin_key(connection, key_id))
    assert browser.get("tokens").status == 401
    assert browser.get("console/").status == 303


def test_a_session_has_the_rights_that_its_key_has_now(browser):
    browser.sign_in()
    change = update(tables.admin_keys).values(Role="viewer", CompanyID="NT001")
    browser.api.services.database.run(lambda connection: connection.execute(change))
    assert browser.get("audit").status == 403
    assert browser.get("tokens?company_id=NT002").status == 403


def test_a_wrong_key_is_refused_and_counted(browser):
    for _ in range(10):
        answer = browser.post("console/sign-in", {"key": browser.api.key[:-3] + "xxx"})
        assert (answer.status, answer.headers.get("set-cookie")) == (401, None)
    assert browser.post("console/sign-in", {"key": browser.api.key[:-3] + "xxx"}).status == 429
    assert [row.Action for row in browser.api.rows()] == ["login.blocked"]
    assert browser.post("console/sign-in", {"key": f" {browser.api.key}\n"}).status == 200


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff", b'{"key": null}', b'{"key": 5}', b"[" * 5000, b"x" * 10_000]
)
def test_a_body_that_is_no_key_is_refused(browser, body):
    answer = browser.post("console/sign-in", body)
    assert answer.status in {400, 401}
    assert answer.json["status"] == "error"


# What changes something must come from a page of ours


@pytest.mark.parametrize(
    "headers",
    [
        {"x-console-token": None},
        {"x-console-token": "0" * 64},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": None, "origin": OTHER},
        {"sec-fetch-site": None, "origin": "null"},
        {"sec-fetch-site": None, "origin": None},
    ],
    ids=str,
)
def test_a_change_by_cookie_needs_the_page_and_its_token(browser, headers):
    key = browser.api.add()
    browser.sign_in()
    for method, path in (
        ("POST", f"tokens/{key.id}/block"),
        ("DELETE", f"tokens/{key.id}"),
        ("PATCH", f"tokens/{key.id}"),
    ):
        body = {"status": "Blocked"} if method == "PATCH" else None
        answer = browser(method, path, body, headers=headers)
        assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert browser.api.get(f"tokens/{key.id}").data["status"] == "Active"


def test_a_page_of_ours_changes_something(browser):
    key = browser.api.add()
    browser.sign_in()
    assert browser.post(f"tokens/{key.id}/block").status == 200
    old = browser.post(f"tokens/{key.id}/activate", headers={"sec-fetch-site": None})
    assert old.status == 200, "an old browser sends Origin only"


def test_the_token_of_another_session_is_refused(browser):
    key = browser.api.add()
    other = Browser(browser.api).sign_in()
    browser.sign_in()
    browser.token = other.token
    assert browser.post(f"tokens/{key.id}/block").status == 403


def test_a_page_elsewhere_cannot_sign_a_browser_in_or_out(browser):
    elsewhere = {"origin": OTHER, "sec-fetch-site": "cross-site"}
    assert browser.post("console/sign-in", {"key": browser.api.key}, headers=elsewhere).status == 403
    browser.sign_in()
    assert browser.post("console/sign-out", {}, headers=elsewhere).status == 403
    assert browser.get("tokens").status == 200


def test_bearer_keys_need_neither(browser):
    key = browser.api.add()
    assert browser.api.post(f"tokens/{key.id}/block", headers={"origin": OTHER}).status == 200


def test_a_bearer_key_counts_before_a_cookie(browser):
    viewer = browser.api.new_key(AdminRole.VIEWER)
    browser.sign_in()
    answer = browser.get("audit", headers={"authorization": f"Bearer {viewer}"})
    assert answer.status == 403


def test_a_user_of_the_platform_sees_pages_and_changes_things_from_them_only(make_api):
    api = make_api(website_auth_enabled="True")
    key = api.add()
    person = Browser(api)
    login = app_service_header(("roles", "admin"), ("preferred_username", "ama"))
    page = person.get("console/", headers=login)
    assert page.status == 200
    person.token = "platform"
    assert person.post(f"tokens/{key.id}/block", headers=login).status == 200
    for wrong in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": None, "origin": OTHER},
        {"x-console-token": None},
    ):
        assert person.post(f"tokens/{key.id}/activate", headers=login | wrong).status == 403
    program = {"origin": None, "sec-fetch-site": None, "x-console-token": None}
    assert person.post(f"tokens/{key.id}/activate", headers=login | program).status == 200
    assert "/.auth/login/aad" in Browser(api).get("console/sign-in").text


def test_a_user_without_a_role_of_ours_is_told_so(make_api):
    api = make_api(website_auth_enabled="True")
    login = app_service_header(("roles", "guest"))
    assert Browser(api).get("console/", headers=login).status == 403
    assert "has none of the roles" in Browser(api).get("console/sign-in", headers=login).text


def test_failures_of_the_database_are_told_on_the_page(api, browser, monkeypatch):
    browser.sign_in()
    broken = Authenticator.principal

    def away(self, scope):
        from shared_code.errors import DatabaseUnavailable

        raise DatabaseUnavailable

    monkeypatch.setattr(Authenticator, "principal", away)
    answer = browser.get("console/keys")
    assert (answer.status, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert int(answer.headers["retry-after"]) > 0
    monkeypatch.setattr(Authenticator, "principal", broken)
    assert browser.get("console/keys").status == 200


# The link of the local stack


def link_for(api, secret="s" * 43):
    key_id = api.key.partition(".")[0]
    digest = console_sessions.digest_of(secret)
    api.services.database.run(lambda connection: console_sessions.add_link(connection, digest, key_id))
    return secret


@pytest.fixture
def local(make_api, monkeypatch):
    return make_api(console_sign_in_link=True)


def test_a_link_signs_in_once(local):
    secret = link_for(local)
    person = Browser(local)
    assert person.get("console/sign-in").status == 200, "a preview uses nothing up"
    answer = person.post("console/sign-in/link", {"link": secret})
    assert answer.status == 200
    assert person.get("tokens").status == 200
    again = Browser(local).post("console/sign-in/link", {"link": secret})
    assert (again.status, again.headers.get("set-cookie")) == (401, None)
    assert local.rows()[0].After == '{"source": "unknown", "by": "link"}'


def test_a_link_ends_after_five_minutes(local):
    secret = link_for(local)
    (row,) = local.rows(table)
    assert (row.ExpiresAt - row.CreatedAt).total_seconds() == pytest.approx(300, abs=2)
    assert secret not in str(row)
    age(local, ExpiresAt=utc_in(-1))
    assert Browser(local).post("console/sign-in/link", {"link": secret}).status == 401


def test_a_link_is_no_session_and_a_session_no_link(local):
    person = Browser(local)
    person.cookies["console_session"] = link_for(local)
    assert person.get("tokens").status == 401
    person.cookies.clear()
    person.sign_in()
    assert person.post("console/sign-in/link", {"link": person.cookies["console_session"]}).status == 401


@pytest.mark.parametrize("host", ["invoices.example", "localhost.example", "10.0.0.5:7071", "127.0.0.1.example"])
def test_a_link_is_nothing_off_this_machine(local, host):
    secret = link_for(local)
    assert Browser(local, host=host).post("console/sign-in/link", {"link": secret}).status == 404
    assert 'data-link="no"' in Browser(local, host=host).get("console/sign-in").text


def test_a_link_is_nothing_behind_a_front_end(local):
    headers = {"x-forwarded-for": "203.0.113.9:1234"}
    assert Browser(local).post("console/sign-in/link", {"link": link_for(local)}, headers=headers).status == 404


def test_a_link_is_nothing_without_the_setting_or_on_the_platform(api, local, monkeypatch):
    assert Browser(api).post("console/sign-in/link", {"link": link_for(api)}).status == 404
    monkeypatch.setenv("WEBSITE_SITE_NAME", "invoices")
    secret = link_for(local, "t" * 43)
    assert Browser(local).post("console/sign-in/link", {"link": secret}).status == 404
    assert local.services.database.read(
        lambda connection: connection.execute(select(table.c.Kind)).scalars().all().count("link")
    )


def test_the_setting_is_refused_on_the_platform(make_settings, monkeypatch):
    monkeypatch.setenv("WEBSITE_SITE_NAME", "invoices")
    with pytest.raises(ValueError, match=r"CONSOLE_SIGN_IN_LINK .* WEBSITE_SITE_NAME"):
        make_settings("sqlite://", console_sign_in_link=True)
