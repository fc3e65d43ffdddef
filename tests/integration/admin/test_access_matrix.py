"""Who may do what: every address of the OpenAPI document with every login, as ``docs/access.md`` writes it."""

import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import APIRouter
from sqlalchemy import insert

from shared_code.admin.dependencies import action_of
from shared_code.database import tables
from shared_code.database.stores.operations import admin_keys, alerts, retries, webhook_deliveries, webhook_settings
from shared_code.database.stores.operations.admin_keys import AdminRole
from shared_code.database.stores.operations.webhook_deliveries import Happening
from shared_code.database.stores.usage import usage_rows
from shared_code.errors import ConfigurationError
from shared_code.operations.access import MATRIX, Action
from shared_code.records import Alert, Caller, CallIdentity, RetryAttempt, Source, Usage, UsageKind, UsageRow
from shared_code.reviews.desk import opened
from tests.unit.web.platform_logins import app_service_header

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "access.md").read_text(encoding="utf-8")
COMPANY = "NT047"
PLANTED = "PLANTED-0417"
ROLES = list(AdminRole)
#: what an action's column of bound logins says
BOUND = {"own": True, "no": False}
USED = UsageRow(
    identity=CallIdentity("c" * 36, Caller(COMPANY), Source.HTTP),
    attempt=1,
    kind=UsageKind.USAGE,
    token_id=None,
    usage=Usage(input_tokens=100, output_tokens=20, total_tokens=120),
    local_day=datetime.now(UTC).date(),
    model="gemini-3.5-flash-lite",
    outcome="ok",
)
READING = {
    "PublicID": "ext_" + "a" * 32,
    "ClaimKey": "b" * 64,
    "CompanyID": COMPANY,
    "DocumentSha256": "d" * 64,
    "PromptVersion": "1",
    "Provider": "Gemini",
    "Model": "gemini-3.5-flash-lite",
    "CallID": "c" * 36,
    "State": "done",
    "Status": "ok",
    "InvoiceNumber": PLANTED,
    "Result": json.dumps({"status": "ok", "invoices": [{"invoice_number": PLANTED, "notes": f"{PLANTED} notes"}]}),
}
_QUERIES = {"usage": "?group_by=company", "try": f"?company_id={COMPANY}"}
#: numbers, which name no company
_FIGURES = {"review-accuracy", "reviews/counts"}
#: answers to what is allowed, and finds nothing to do
_NOTHING_TO_DO = (
    "No copy of this document is kept",
    "has decided about this reading",
    "works on this review",
    "UNSUPPORTED_FILE_TYPE",
)
ADDRESS = re.compile(r"`([A-Z]+) /([^`]+)`")


@dataclass(frozen=True)
class Row:
    """A row of the page's matrix."""

    action: Action
    addresses: tuple[tuple[str, str], ...]
    roles: frozenset[AdminRole]
    own_company: bool


@dataclass(frozen=True)
class Login:
    """A role, the company it is bound to, and how it logs in."""

    role: AdminRole
    company: str | None
    way: str

    def options(self, keys):
        if self.way == "admin key":
            return {"key": keys[self.role, self.company]}
        claims = [("roles", self.role.value), *([("companyID", self.company.lower())] if self.company else [])]
        return {"key": None, "headers": app_service_header(*claims)}


LOGINS = [
    Login(role, company, way)
    for role in ROLES
    for company in (None, COMPANY, "OTHER")
    for way in ("admin key", "App Service")
]


def written():
    lines = PAGE.partition("\n## The matrix\n")[2].partition("\n## ")[0].splitlines()
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"]
    assert head[2:] == [*(role.value for role in ROLES), "bound"]
    for action, addresses, *roles, bound in rows:
        assert set(roles) <= {"yes", "no"}
        allowed = frozenset(role for role, word in zip(ROLES, roles, strict=True) if word == "yes")
        yield Row(Action(action), tuple(ADDRESS.findall(addresses)), allowed, BOUND[bound])


@pytest.fixture
def database_url(tmp_path, _sqlite_template):
    """The matrix is about logins, which no database changes: one is enough."""
    path = tmp_path / "matrix.db"
    path.write_bytes(_sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def document(api):
    return api.get("openapi.json", key=None).json


def operations(document):
    """(method, address below the prefix) of each, with its description."""
    return {
        (method.upper(), path.removeprefix("/api/manage/")): operation
        for path, item in document["paths"].items()
        # The others have no logins of ours.
        if path.startswith("/api/manage/")
        for method, operation in item.items()
    }


def test_page_and_code_have_one_matrix():
    code = {
        action: (frozenset(role for role in ROLES if role.includes(rule.lowest)), rule.own_company)
        for action, rule in MATRIX.items()
    }
    assert {row.action: (row.roles, row.own_company) for row in written()} == code
    assert set(code) == set(Action)


def test_the_page_names_each_address_once_under_the_action_that_the_document_gives_it(document):
    named = [(address, row.action.value) for row in written() for address in row.addresses]
    assert len(dict(named)) == len(named)
    assert dict(named) == {address: each["x-access"]["action"] for address, each in operations(document).items()}
    for each in operations(document).values():
        rule = MATRIX[Action(each["x-access"]["action"])]
        assert (each["x-access"]["role"], each["x-access"]["bound_logins"]) == (rule.lowest, rule.own_company)
        assert f"Needs the role {rule.lowest.value} " in each["description"]


def test_a_route_that_does_not_say_who_may_use_it_is_not_served():
    router = APIRouter()

    @router.get("/open")
    def open_to_all() -> None: ...

    with pytest.raises(ConfigurationError):
        action_of(router.routes[0])


class Places:
    """What the addresses and bodies of the document need: things of the company."""

    def __init__(self, api, document):
        self._api = api
        self._schemas = document["components"]["schemas"]
        failed = RetryAttempt(1, "503 overloaded", retryable=True, token_id=1, company_id=COMPANY, call_id="c")
        run = api.services.database.run
        run(lambda connection: retries.insert_retries(connection, [failed]))
        run(lambda connection: usage_rows.insert_usage(connection, USED))
        run(lambda connection: connection.execute(insert(tables.extractions).values(READING)))
        run(lambda connection: alerts.raise_alert(connection, Alert("k", "s", "warning", "m", {})))
        self._kept = {
            # Used up, so that the overview names it.
            "token_id": api.add(COMPANY, total_token_limit=0).id,
            "quota_id": self._new_quota(),
            "extraction_id": api.get("extractions").data["items"][0]["id"],
            "alert_id": api.get("alerts").data["items"][0]["alert_id"],
            "company_id": self._set_webhook(),
            "number": 1,
        }
        run(lambda connection: opened(connection, READING["PublicID"]))
        told = Happening("extraction.done", COMPANY, READING["PublicID"], {"state": "done", "status": "ok"})
        run(lambda connection: webhook_deliveries.add_for_company(connection, told))
        self._kept["delivery_id"] = api.get(f"webhooks/deliveries?company_id={COMPANY}").data["items"][0]["delivery_id"]

    def address(self, method, path):
        for name in re.findall(r"\{(\w+)\}", path):
            # What is deleted is made anew for the next one.
            made = {"quota_id": self._new_quota, "company_id": self._set_webhook}.get(name)
            path = path.replace(f"{{{name}}}", str(made() if made and method == "DELETE" else self._kept[name]))
        return path + _QUERIES.get(path, "")

    def body(self, operation):
        sent = operation.get("requestBody")
        if sent is None:
            return None
        if "application/json" not in sent["content"]:
            return b"no document"
        schema = sent["content"]["application/json"]["schema"]
        one_of = schema.get("oneOf", [schema])
        body = dict(self._schemas[one_of[-1]["$ref"].rpartition("/")[2]]["example"])
        assert body.get("company_id", COMPANY) == COMPANY
        return body | {name: f"new-{uuid.uuid4().hex}" for name in ("api_key", "subject") if name in body}

    def _set_webhook(self):
        values = {"WebhookUrl": "https://127.0.0.1:9/", "WebhookEvents": "extraction.done"}
        self._api.services.database.run(lambda c: webhook_settings.write_webhook(c, COMPANY, values))
        return COMPANY

    def _new_quota(self):
        quota = {"company_id": COMPANY, "scope": "branch", "subject": uuid.uuid4().hex, "daily_limit": 5}
        return self._api.post("quotas", quota).data["quota_id"]


def expected(row, login, path, body):
    """allowed, refused, or: a list in which nothing of the company is seen."""
    if login.role not in row.roles or (login.company and not row.own_company):
        return "refused"
    if login.company == "OTHER":
        return "refused" if "{" in path or body else "allowed" if path in _FIGURES else "nothing"
    return "allowed"


def seen(answer, *, is_list):
    if (answer.status, answer.code) == (403, "FORBIDDEN"):
        return "refused" if answer.data is None else "refused with data"
    if answer.status not in {200, 201}:
        # What is allowed and finds nothing to do it with.
        return "allowed" if any(words in answer.text for words in _NOTHING_TO_DO) else answer.text
    return "nothing" if is_list and COMPANY not in answer.text else "allowed"


def test_every_login_at_every_address_is_answered_as_written(make_api):
    api = make_api(website_auth_enabled="True")
    document = api.get("openapi.json", key=None).json
    places, known = Places(api, document), operations(document)
    keys = {(role, company): api.new_key(role, company) for role in ROLES for company in (None, COMPANY, "OTHER")}
    differences, tried = [], 0
    for row in written():
        for method, path in row.addresses:
            for login in LOGINS:
                body = places.body(known[method, path])
                options = login.options(keys)
                if isinstance(body, bytes):
                    options["headers"] = options.get("headers", {}) | {"content-type": "application/octet-stream"}
                answer = api(method, places.address(method, path), body, **options)
                wanted = expected(row, login, path, body)
                is_list = row.own_company and method == "GET" and "{" not in path and path not in _FIGURES
                got = seen(answer, is_list=is_list)
                if (got != wanted) or (login.role is AdminRole.VIEWER and PLANTED in answer.text):
                    differences.append((method, path, login, wanted, got, answer.text[:300]))
                tried += 1
    assert not differences, "\n".join(str(one)[:400] for one in differences[:60])
    assert tried == len(known) * len(ROLES) * 3 * 2


@pytest.mark.parametrize("login", [Login(role, "OTHER", "admin key") for role in ROLES])
def test_a_list_does_not_show_another_company_for_the_asking(api, document, login):
    key, known = api.new_key(login.role, login.company), operations(document)
    for row in written():
        for method, path in row.addresses:
            if row.own_company and login.role in row.roles and method == "GET" and "{" not in path:
                names = {parameter["name"] for parameter in known[method, path].get("parameters", [])}
                name = "company" if "company" in names else "company_id"
                assert api.get(f"{path}?{name}={COMPANY}", key=key).code == "FORBIDDEN", path
                assert api.get(f"{path}?{name}=other", key=key).status == 200, path


def test_a_bound_login_cannot_tell_what_exists_and_changes_nothing(api, document):
    places, key = Places(api, document), api.new_key("admin", "OTHER")

    def state():
        return [api.get(path).data for path in ("tokens", "quotas", "extractions", "audit")]

    before = state()
    for (method, path), operation in operations(document).items():
        if "{" not in path or not operation["x-access"]["bound_logins"]:
            continue
        body = places.body(operation)
        unknown = re.sub(r"\{\w+\}", "999", path)
        answers = [api(method, address, body, key=key) for address in (places.address("GET", path), unknown)]
        assert [answer.status for answer in answers] == [403, 403], path
        assert answers[0].json["error"] == answers[1].json["error"], path
        assert answers[0].json["message"] == answers[1].json["message"], path
        if not path.startswith("review-rules"):  # any company may have a rule
            assert api(method, unknown, body).status == 404, path
    assert state() == before


def test_values_of_invoices_are_for_those_who_may_see_readings(api, document):
    Places(api, document)
    for role in ROLES:
        for company in (None, COMPANY):
            key = api.new_key(role, company)
            (listed,) = api.get("extractions", key=key).data["items"]
            whole = api.get(f"extractions/{READING['PublicID']}", key=key)
            if role is AdminRole.VIEWER:
                assert (listed["invoice_number"], listed["id"], listed["status"]) == (None, None, "ok")
                assert whole.status == 403
            else:
                assert listed["invoice_number"] == PLANTED
                assert whole.data["result"]["invoices"][0]["invoice_number"] == PLANTED


def test_no_address_is_answered_without_a_login(api, document):
    key_id, _, secret = api.key.partition(".")
    revoked = api.new_key("admin")
    api.services.database.run(lambda connection: admin_keys.revoke_admin_key(connection, revoked.partition(".")[0]))
    spoofed = app_service_header(("roles", "admin"), ("companyID", COMPANY))
    for number, (method, path) in enumerate(operations(document)):
        # Each from a place of its own: repeated failures are answered 429.
        source = {"x-forwarded-for": f"203.0.113.{number}"}
        for key, headers in (
            (None, {}),
            ("nonsense", {}),
            (f"{key_id}.{'x' * 43}", {}),
            (f"{'0' * 16}.{secret}", {}),
            (f"{secret}.{key_id}", {}),
            (revoked, {}),
            (None, spoofed),
            (None, {"authorization": f"Basic {api.key}"}),
            (None, {"x-functions-key": api.key}),
        ):
            answer = api(method, re.sub(r"\{\w+\}", "1", path), None, key=key, headers=source | headers)
            assert (answer.status, answer.code, answer.data) == (401, "NOT_AUTHENTICATED", None), (path, key, headers)
