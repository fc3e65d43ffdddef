"""The console as the platform calls it, asked as a browser asks: with cookies, and with headers that scripts cannot set."""

import re
from types import SimpleNamespace

import pytest

from tests.integration.admin import conftest as admin

make_api, api, gemini, openai = admin.make_api, admin.api, admin.gemini, admin.openai
OTHER = "https://elsewhere.example"


class Browser:
    """One profile. It keeps the cookie of its session, and the token of the page that it looked at last."""

    def __init__(self, made, host="localhost:7071"):
        self.api, self.host = made, host
        self.cookies, self.token = {}, None

    def __call__(self, method, path, body=None, *, headers=None, **options):
        sent = {"host": self.host, "accept-encoding": "identity"}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method != "GET":
            sent |= {"origin": f"http://{self.host}", "sec-fetch-site": "same-origin"}
        if self.token is not None:
            sent["x-console-token"] = self.token
        sent |= headers or {}
        sent = {name: value for name, value in sent.items() if value is not None}
        answer = self.api(method, path, body, key=None, headers=sent, **options)
        self._keep(answer.headers.get("set-cookie"))
        return answer

    def get(self, path, **options):
        return self("GET", path, **options)

    def post(self, path, body=None, **options):
        return self("POST", path, body, **options)

    def page(self, path=""):
        answer = self.get(f"console/{path}")
        found = re.search(r'name="console-token" content="([^"]*)"', answer.text)
        self.token = found[1] if found else self.token
        return answer

    def sign_in(self, key=None):
        answer = self.post("console/sign-in", {"key": key or self.api.key})
        assert answer.status == 200, answer.text
        self.page()
        return self

    def _keep(self, line):
        if line is None:
            return
        name, _, value = line.partition(";")[0].partition("=")
        if value:
            self.cookies[name] = value
        else:
            self.cookies.pop(name, None)


@pytest.fixture
def database_url(tmp_path, _sqlite_template):
    """Pages are the same on every database; the store of sessions is tested on each."""
    path = tmp_path / "console.db"
    path.write_bytes(_sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def browser(request):
    return Browser(request.getfixturevalue("api"))


@pytest.fixture
def attributes():
    """The parts of a Set-Cookie line."""

    def read(line):
        first, *rest = [part.strip() for part in line.split(";")]
        name, _, value = first.partition("=")
        pairs = dict(part.lower().partition("=")[::2] for part in rest)
        return SimpleNamespace(name=name, value=value, **{key.replace("-", "_"): found for key, found in pairs.items()})

    return read
