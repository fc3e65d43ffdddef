"""A browser on the console of one running stack: real pages, real keys and clicks."""

import itertools
import json
import time
import uuid

import pytest

from devstack.browser import find_browser
from devstack.setup.ports import free_ports
from shared_code.database.connection import create_database
from shared_code.database.stores.operations.admin_keys import AdminRole, create_admin_key
from tests.e2e.calling import post_form, request, unique
from tests.e2e.conftest import RunningStack

from .profiles import Profiles

CHROMIUM = find_browser()
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items):
    for item in items:
        if item.nodeid.startswith("tests/browser/"):
            item.add_marker(pytest.mark.e2e)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium"))


@pytest.fixture(scope="package")
def running(tmp_path_factory):
    """The stack that the tests of this folder share."""
    running = RunningStack(tmp_path_factory.mktemp("stack"), "--port", free_ports(1)[0])
    try:
        running.wait_until_ready()
        yield running
        assert running.end() == 0, running.console
    finally:
        running.abandon()


@pytest.fixture(scope="package")
def stack(running):
    """Its ready file."""
    return running.ready


@pytest.fixture(scope="package")
def profiles(stack):
    """The one browser, with profiles that are used again."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-site-isolation-trials"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield Profiles(browser, stack["host"])
        browser.close()


@pytest.fixture(scope="package")
def database(stack, make_settings):
    """That of the stack."""
    database = create_database(make_settings(stack["database_url"]))
    yield database
    database.close()


class Console:
    """What a test knows of the console: pages of logins, and documents that were read."""

    def __init__(self, stack, profiles, database):
        self.host, self.admin_key = stack["host"], stack["admin_key"]
        self._profiles, self._database = profiles, database

    def page(self, key=None, *, viewport=None, color_scheme="light", own=False, **device):
        """A page that is signed in, of an administrator or with a key. What it reports as an error fails the test.

        :param own: with a profile that no other test gets, as every other ``device`` has.
        """
        key = key or self.admin_key
        if own or device:
            return self._profiles.own(
                key, color_scheme=color_scheme, **device | ({"viewport": viewport} if viewport else {})
            )
        page = self._profiles.take(key)
        if viewport:
            page.set_viewport_size(viewport)
        if color_scheme != "light":
            page.emulate_media(color_scheme=color_scheme)
        return page

    def visitor(self):
        """A page of nobody: no session."""
        return self._profiles.own()

    def call(self, method, path, body=None, key=None, **headers):
        """An answer of the admin API, whatever it is."""
        sent = {"authorization": f"Bearer {key or self.admin_key}", "content-type": "application/json", **headers}
        return request(
            f"{self.host}/api/manage/{path}", method, body=None if body is None else json.dumps(body), headers=sent
        )

    def api(self, method, path, body=None, key=None):
        """``data`` of an answer of the admin API."""
        answer = self.call(method, path, body, key)
        assert answer.status < 300, answer.raw
        return answer.json["data"]

    def company(self, mode="needs_review", **key):
        """A company of the test's own with a key and a review rule."""
        name = f"C{uuid.uuid4().hex[:10].upper()}"
        self.api("POST", "tokens", {"company_id": name, "api_key": f"AIzaBrowser{uuid.uuid4().hex}", **key})
        if mode != "needs_review":
            self.api("PUT", f"review-rules/{name}", {"mode": mode})
        return name

    def login(self, role, company=None, label=None):
        """A new admin key."""
        label = label or f"Clerk {next(_numbers)}"
        made = self._database.run(
            lambda connection: create_admin_key(connection, role=AdminRole(role), company_id=company, label=label)
        )
        return made[1]

    def read(self, path, company="NT047", **fields):
        """The answer to an upload of a document, which is another one each time."""
        data = fields.pop("data", None) or unique(path)
        answer = post_form(
            self.host, data, file_name=fields.pop("file_name", None) or path.name, companyID=company, **fields
        )
        assert answer.status == 200, answer.raw
        return answer.json["data"]

    def wait_for_copy(self, reading):
        """A copy of a document is kept some moments behind the answer."""
        deadline = time.monotonic() + 10
        while not self.api("GET", f"extractions/{reading}/pages")["kept"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return reading

    @property
    def problems(self):
        return self._profiles.problems


@pytest.fixture
def console(stack, profiles, database):
    profiles.problems.clear()
    made = Console(stack, profiles, database)
    yield made
    profiles.give_back()
    assert made.problems == []


@pytest.fixture(scope="package")
def shared(stack, profiles, database):
    """What tests have made once, for all others that only look at it: a function of a name and how it is made."""
    known = {}
    console = Console(stack, profiles, database)

    def once(name, make):
        if name not in known:
            known[name] = make(console)
        return known[name]

    return once


@pytest.fixture
def company(shared):
    """A company all of whose documents are looked at."""
    return shared("everything", lambda console: console.company(mode="everything"))


@pytest.fixture
def looked_at(shared, company):
    """A doubtful document that no test decides about."""
    from .review_page import doubtful

    return shared("looked at", lambda console: doubtful(console, company, pages=True))


@pytest.fixture
def clerk(console):
    """The review in a page of an administrator."""
    from .review_page import ReviewPage

    return ReviewPage.signed_in(console)
