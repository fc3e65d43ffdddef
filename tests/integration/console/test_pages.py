"""Pages and files of the console: their headers, who sees which, and that nothing in them is taken for markup."""

import gzip
import re
from pathlib import Path

import pytest

from shared_code.console.app import PAGES
from shared_code.console.assets import FOLDER, assets
from shared_code.database.stores.operations.admin_keys import AdminRole
from shared_code.operations.access import MATRIX
from tests.integration.console.conftest import Browser
from tests.unit.web.platform_logins import app_service_header

TEMPLATES = Path(FOLDER).parent / "templates"
OPEN = [page for page in PAGES if "{" not in page.path]
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "connect-src": "'self'",
    "font-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}


def policy_of(answer):
    return dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))


@pytest.mark.parametrize("path", [*(page.path for page in OPEN), "sign-in", "nothing-here", "extractions/ext_0"])
def test_every_page_says_what_a_browser_may_do_with_it(browser, path):
    if path != "sign-in":
        browser.sign_in()
    answer = browser.page(path)
    assert answer.status == (404 if path == "nothing-here" else 200)
    assert policy_of(answer) == POLICY
    for name, value in {
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cache-control": "no-store",
        "content-type": "text/html; charset=utf-8",
    }.items():
        assert answer.headers[name] == value, name


@pytest.mark.parametrize("path", [*(page.path for page in OPEN), "sign-in", "nothing-here"])
def test_no_page_holds_a_script_or_a_style(browser, path):
    if path != "sign-in":
        browser.sign_in()
    text = browser.page(path).text
    for tag in re.findall(r"<script[^>]*>", text):
        assert 'src="/api/manage/console/static/' in tag
    assert re.findall(r"<script[^>]*>[^<]", text) == []
    assert "<style" not in text
    assert re.findall(r"\s(?:on\w+|style)=", text) == []
    assert "javascript:" not in text


@pytest.mark.parametrize("role", list(AdminRole))
@pytest.mark.parametrize("company", [None, "NT047"])
def test_the_navigation_shows_what_a_login_may_see_and_no_other_page_opens(api, role, company):
    person = Browser(api).sign_in(api.new_key(role, company))
    text = person.page().text
    shown = set(re.findall(r'<a href="/api/manage/console/([^"]*)"', text.partition("<nav")[2].partition("</nav>")[0]))
    for page in OPEN:
        rule = MATRIX[page.action]
        may = role.includes(rule.lowest) and (company is None or rule.own_company)
        assert (page.path in shown) == (may and page.icon is not None), page.name
        assert person.page(page.path).status == (200 if may else 403), page.name


def test_what_somebody_else_has_named_is_text_on_every_page(make_api):
    evil = """</title><script>alert(1)</script>"'<img src=x onerror=alert(2)>"""
    api = make_api(website_auth_enabled="True")
    claims = [("roles", "admin"), ("preferred_username", evil), ("companyID", evil)]
    answer = Browser(api).get("console/", headers=app_service_header(*claims))
    assert answer.status == 200
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text


@pytest.mark.parametrize(
    "path", ["%3Cscript%3Ealert(1)%3C/script%3E", "keys?x=%22%3E%3Cscript%3E", "extractions/%22%3E%3Cb%3E"]
)
def test_an_address_is_text_too(browser, path):
    assert "<script>alert" not in browser.get(f"console/sign-in?next={path}").text
    assert "<script>" not in browser.get(f"console/{path}").headers.get("location", "")
    browser.sign_in()
    text = browser.get(f"console/{path}").text
    assert "<script>alert" not in text
    assert '"><' not in text.partition("data-params")[2][:60]


def test_every_template_escapes():
    for template in TEMPLATES.glob("*.html"):
        text = template.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", ""), template.name
        assert "autoescape" not in text, template.name


def test_no_script_makes_markup_of_text():
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|\.srcdoc"
    )
    for script in FOLDER.rglob("*.js"):
        found = forbidden.search(script.read_text(encoding="utf-8"))
        assert found is None, f"{script.name}: {found[0]}"


def test_the_pages_need_nothing_from_elsewhere():
    for file in (*FOLDER.rglob("*.js"), *FOLDER.rglob("*.css"), *TEMPLATES.glob("*.html")):
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        text = re.sub(r"(?m)//.*$|https://to a public", "", text) if file.suffix == ".js" else text
        assert re.findall(r"(?:src|href|url|import)\W{1,3}(?:https?:)?//", text) == [], file.name


# Static files


def test_files_are_found_under_their_version_and_kept_for_a_year(browser):
    version = assets().version
    answer = browser.get(f"console/static/{version}/api.js")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = browser.get(f"console/static/{version}/api.js", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status, again.text) == (304, "")
    old = browser.get("console/static/000000000000/api.js")
    assert (old.status, old.headers["cache-control"]) == (200, "no-cache")


def test_files_are_sent_packed_to_who_takes_it(browser):
    path = f"console/static/{assets().version}/base.css"
    plain = browser.get(path, headers={"accept-encoding": None})
    packed = browser.get(path, headers={"accept-encoding": "gzip, br"}, binary=True)
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2


@pytest.mark.parametrize("name", ["../app.py", "..%2f..%2fapp.py", "nothing.js", "", "pages", "templates/base.html"])
def test_nothing_else_is_a_file(browser, name):
    assert browser.get(f"console/static/{assets().version}/{name}").status == 404


def test_each_file_that_a_page_names_is_there(browser):
    browser.sign_in()
    for page in PAGES:
        text = browser.page(page.path.replace("{id}", "ext_0")).text
        for path in set(re.findall(r'(?:src|href)="(/api/manage/console/static/[^"#]*)', text)):
            assert browser.get(path.removeprefix("/api/manage/")).status == 200, path


def test_each_module_that_a_script_imports_is_there():
    for script in FOLDER.rglob("*.js"):
        for name in re.findall(r'from "(\.[^"]+)"', script.read_text(encoding="utf-8")):
            assert (script.parent / name).resolve().is_file(), f"{script.name} imports {name}"


def test_pages_are_small(browser):
    browser.sign_in()
    for page in PAGES:
        text = browser.page(page.path.replace("{id}", "ext_0")).text
        names = set(re.findall(r'"/api/manage/console/static/[0-9a-f]+/([^"#]+)', text))
        todo, seen = list(names), set()
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            file = FOLDER / name
            if file.suffix == ".js":
                found = re.findall(r'from "(\.[^"]+)"', file.read_text(encoding="utf-8"))
                todo += [(file.parent / one).resolve().relative_to(FOLDER).as_posix() for one in found]
        files = assets().files
        weight = len(text) + sum(len(files[name].packed or files[name].content) for name in seen)
        assert weight < 200_000, f"{page.name}: {weight}"


def test_a_chosen_colour_scheme_is_there_from_the_first_paint(browser):
    browser.sign_in()
    assert "data-theme" not in browser.page().text.partition(">")[2].partition("<head")[0]
    browser.cookies["console_theme"] = "dark"
    assert '<html lang="en" data-theme="dark">' in browser.page().text
    browser.cookies["console_theme"] = '"><script>'
    assert '<html lang="en">' in browser.page().text


def test_pages_take_no_other_method(browser):
    browser.sign_in()
    assert browser.post("console/keys").status == 405
    assert browser("DELETE", "console/sign-in").status == 405


def test_under_another_prefix_all_addresses_are_that_prefix_s(api):
    import asyncio

    import azure.functions as func

    from TokenAdminFunction import answer

    def ask(path):
        request = func.HttpRequest("GET", f"http://localhost:7071{path}", headers={"host": "localhost:7071"}, body=b"")
        return asyncio.run(answer(request, None, lambda: api.app))

    assert ask("/manage/console/keys").headers["location"] == "/manage/console/sign-in?next=keys"
    assert b'src="/manage/console/static/' in ask("/manage/console/sign-in").get_body()


# Answers that stay the same


def test_an_answer_that_is_the_same_is_sent_without_its_content(browser):
    key = browser.api.add()
    browser.sign_in()
    first = browser.get("tokens")
    assert first.headers["etag"].startswith('W/"')
    same = browser.get("tokens", headers={"if-none-match": first.headers["etag"]})
    assert (same.status, same.text, same.headers["etag"]) == (304, "", first.headers["etag"])
    browser.api.post(f"tokens/{key.id}/block")
    other = browser.get("tokens", headers={"if-none-match": first.headers["etag"]})
    assert (other.status, other.data["items"][0]["status"]) == (200, "Blocked")


def test_the_tag_of_a_list_is_no_version_to_change(browser):
    key = browser.api.add()
    tag = browser.api.get("tokens").headers["etag"]
    assert browser.api.post(f"tokens/{key.id}/block", headers={"If-Match": tag}).status == 412
    assert not key.etag.startswith("W/")


def test_a_long_answer_is_packed_for_who_takes_it(browser):
    for number in range(12):
        browser.api.add(f"C{number}")
    browser.sign_in()
    plain = browser.get("tokens")
    packed = browser.get("tokens", headers={"accept-encoding": "gzip, br"}, binary=True)
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert len(packed.body) < len(plain.body) / 3
    assert len(gzip.decompress(packed.body)) == len(plain.body)
    assert packed.headers["etag"] == plain.headers["etag"]
    assert "content-encoding" not in browser.get("quotas", headers={"accept-encoding": "gzip"}).headers
