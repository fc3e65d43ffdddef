"""Logins: which ones count, what they are bound to, and how failed ones are answered."""

import asyncio

import azure.functions as func
import pytest

from shared_code.admin import (
    alerts,
    audit,
    diagnostics,
    extractions,
    logs,
    quotas,
    retries,
    token_models,
    usage,
    webhooks,
)
from shared_code.admin.auth import source_of
from shared_code.admin.figures import charts, overview, runs
from shared_code.admin.review import accuracy, check, counts, pages, reviews, rules, trying, views
from shared_code.database.stores.operations import admin_keys
from shared_code.database.stores.operations.admin_keys import AdminRole
from shared_code.labels import new_reading_id
from tests.unit.web.platform_logins import app_service_header
from TokenAdminFunction import answer

ROLES = list(AdminRole)
MODULES = [
    alerts,
    audit,
    diagnostics,
    extractions,
    logs,
    quotas,
    retries,
    token_models,
    usage,
    webhooks,
    overview,
    charts,
    runs,
    accuracy,
    check,
    counts,
    pages,
    reviews,
    rules,
    trying,
    views,
]


@pytest.fixture
def database_url(tmp_path, _sqlite_template):
    """Logins are the same on every database: one is enough."""
    path = tmp_path / "logins.db"
    path.write_bytes(_sqlite_template.read_bytes())
    return f"sqlite:///{path}"


def test_the_openapi_document_needs_no_login(api):
    document = api.get("openapi.json", key=None)
    assert document.status == 200
    assert document.json["openapi"].startswith("3.1")
    ours = {path: item for path, item in document.json["paths"].items() if path.startswith("/api/manage/")}
    answers_422 = {path for path, item in ours.items() if any("422" in one["responses"] for one in item.values())}
    assert answers_422 == {"/api/manage/try"}, "what it sends on says so; wrong requests are answered with 400"


def test_every_model_of_the_document_has_an_example_that_is_one_of_it(api):
    kinds = [kind for module in MODULES for kind in vars(module).values() if isinstance(kind, type)]
    known = {kind.__name__: kind for kind in (*kinds, *quotas.NEW_QUOTAS)}
    schemas = api.get("openapi.json", key=None).json["components"]["schemas"]
    spoken = [name for name in schemas if name.endswith(("View", "Summary", "Create", "Change", "Rotate", "Quota"))]
    assert len(spoken) > 12
    for name in spoken:
        shown = known[name].model_validate(schemas[name]["example"])
        assert shown.model_fields_set == set(schemas[name]["example"]), name


def test_app_service_logins_count_where_the_platform_says_so(make_api):
    api = make_api(website_auth_enabled="True")
    api.add()
    api.add(company="OTHER")

    def ask(path, *claims):
        return api.get(path, key=None, headers=app_service_header(*claims))

    assert ask("audit", ("roles", "admin")).status == 200
    assert ask("audit", ("roles", "operator")).status == 403
    assert ask("audit", ("roles", "viewer"), ("roles", "admin"), ("roles", "reviewer")).status == 200, "the highest"
    assert ask(f"extractions/{new_reading_id()}", ("roles", "Reviewer")).status == 404
    assert ask(f"extractions/{new_reading_id()}", ("roles", "viewer")).status == 403
    assert ask("diagnostics", ("roles", "Operator")).status == 200
    assert ask("tokens", ("name", "someone")).status == 403
    bound = ask("tokens", ("roles", "admin"), ("extension_0123_companyID", "nt047"))
    assert [item["company_id"] for item in bound.data["items"]] == ["NT047"]
    assert len(ask("tokens", ("roles", "viewer")).data["items"]) == 2
    assert ask("tokens", ("roles", "viewer"), ("companyID", "A"), ("companyID", "B")).status == 403
    assert ask("tokens", ("roles", "viewer"), ("companyID", "  ")).status == 403, "bound to nobody is not unbound"
    assert api.get("tokens", key=None, headers={"x-ms-client-principal": "not base64"}).status == 401
    assert api.get("tokens", key=None).status == 401
    assert api.get("tokens").status == 200
    named = app_service_header(("roles", "operator"), ("preferred_username", "ama@example.com"))
    api.post("tokens/1/block", key=None, headers=named)
    assert api.get("audit").data["items"][0]["actor"] == "app-service:ama@example.com"


@pytest.mark.parametrize("role", ROLES)
def test_an_app_service_login_without_a_company_sees_all(make_api, role):
    api = make_api(website_auth_enabled="True")
    api.add()
    api.add(company="OTHER")
    seen = api.get("tokens", key=None, headers=app_service_header(("roles", role))).data["items"]
    assert [item["company_id"] for item in seen] == ["NT047", "OTHER"]


def test_repeated_failures_are_answered_429_and_recorded_once(api):
    key_id = api.key.partition(".")[0]
    wrong = f"{key_id}.{'x' * 43}"
    source = {"x-forwarded-for": "203.0.113.9:4711"}
    answers = [api.get("tokens", key=wrong, headers=source) for _ in range(15)]
    assert [answer.status for answer in answers] == [401] * 10 + [429] * 5
    assert answers[-1].code == "TOO_MANY_FAILED_LOGINS"
    assert 0 < int(answers[-1].headers["retry-after"]) <= 300
    (entry,) = api.get("audit?action=login.blocked").data["items"]
    assert (entry["target"], entry["after"]["source"]) == (f"admin-key {key_id}", "203.0.113.9")
    # Others are not locked out, neither elsewhere nor beside it, and neither is whoever holds the secret.
    assert api.get("tokens").status == 200
    assert api.get("tokens", key=api.new_key("viewer"), headers=source).status == 200
    assert api.get("tokens", headers=source).status == 200
    assert api.get("tokens", key=wrong, headers=source).status == 429


def test_a_stranger_without_an_address_locks_nobody_out(api):
    """Nothing tells requests apart that come without X-Forwarded-For: the secret does."""
    wrong = f"{api.key.partition('.')[0]}.{'x' * 43}"
    for _ in range(3):
        assert {api.get("tokens", key=wrong).status for _ in range(40)} <= {401, 429}
        assert api.get("tokens").status == 200
    assert api.get("tokens", key=wrong).status == 429


def test_a_source_that_tries_anything_is_answered_429_and_recorded_once(api):
    """Many ids, and what is no key at all."""
    source = {"x-forwarded-for": "203.0.113.10"}
    tried = ["nonsense", *(f"{number:016x}.{'x' * 43}" for number in range(98)), "a.b", "nonsense", f"1.{'y' * 43}"]
    answers = [api.get("tokens", key=wrong, headers=source) for wrong in tried]
    assert [answer.status for answer in answers] == [401] * 100 + [429] * 2
    assert 0 < int(answers[-1].headers["retry-after"]) <= 300
    (entry,) = api.get("audit?action=login.blocked").data["items"]
    assert (entry["target"], entry["after"]["source"]) == ("source 203.0.113.10", "203.0.113.10")
    for number in range(30):
        api.get("tokens", key=f"{number % 3:016x}.{'z' * 43}", headers=source)
    assert len(api.get("audit?action=login.blocked").data["items"]) == 1, "a flood does not fill the audit"
    # The right key is let in, without a login it is still 401, and others are not locked out.
    assert api.get("tokens", headers=source).status == 200
    assert api.get("tokens", key=None, headers=source).status == 401
    assert api.get("tokens", key="nonsense").status == 401


@pytest.mark.parametrize(
    ("sent", "source"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("10.0.0.1, 203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("1.1.1.1, \x1b[31mRED\x07", "unknown"),
        ("localhost", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_source_is_an_address_and_nothing_else(sent, source):
    assert source_of({"headers": [(b"x-forwarded-for", sent.encode("latin-1"))]}) == source


def test_the_last_use_of_a_key_is_noted(api):
    api.get("tokens")
    (key,) = api.services.database.read(admin_keys.list_admin_keys)
    assert key.last_used_at is not None
    assert "secret" not in repr(key)


def test_what_was_typed_in_by_hand_gives_no_more_than_it_says(api):
    from sqlalchemy import insert, update

    from shared_code.database import tables

    table = tables.admin_keys
    odd, bound = api.new_key("viewer"), api.new_key("viewer", company="NT047")

    def edit(connection):
        connection.execute(update(table).where(table.c.KeyID == odd.partition(".")[0]).values(Role="superuser"))
        connection.execute(update(table).where(table.c.KeyID == bound.partition(".")[0]).values(Role="admin"))
        connection.execute(insert(table).values(KeyID="empty", SecretSha256="", Role="admin"))

    api.services.database.run(edit)
    assert api.get("tokens", key=odd).status == 200
    assert api.get("diagnostics", key=odd).status == 403
    assert api.get(f"extractions/{new_reading_id()}", key=odd).status == 403
    assert api.get("audit", key=bound).status == 403
    assert api.get("tokens?company_id=OTHER", key=bound).status == 403
    assert api.get("tokens", key=f"empty.{'x' * 30}").status == 401


def test_the_api_answers_under_another_route_prefix_too(api):
    for address in ("manage/tokens", "x/manage/tokens", "api/manage/tokens"):
        request = func.HttpRequest(
            "GET", f"http://localhost:7071/{address}", headers={"authorization": f"Bearer {api.key}"}, body=b""
        )
        assert asyncio.run(answer(request, None, lambda: api.app)).status_code == 200, address
    request = func.HttpRequest("GET", "http://localhost:7071/manage/tokens", headers={}, body=b"")
    assert asyncio.run(answer(request, None, lambda: api.app)).status_code == 401
