"""The one OpenAPI document: whole, well formed, and the same in docs/openapi.json."""

import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from devstack import contract
from shared_code import errors
from shared_code.admin.contract.schemas import data_schemas
from shared_code.web.form import FIELDS, FILE
from shared_code.webhooks.message import message_body

ROOT = Path(__file__).resolve().parents[3]
METHODS = {"get", "put", "post", "delete", "patch"}
AGAIN = "Run `python -m devstack.contract`."


@pytest.fixture(scope="module")
def document():
    return contract.document()


@pytest.fixture(scope="module")
def operations(document):
    """Address, method, operation."""
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def test_the_file_is_what_the_service_answers(document):
    assert contract.DOCUMENT.read_text(encoding="utf-8") == contract.as_text(document), AGAIN


def test_the_meanings_are_those_of_the_pages():
    assert contract.MEANINGS.read_text(encoding="utf-8") == contract.as_text(contract.meanings()), AGAIN


def test_it_is_a_document_of_openapi_3_1(document):
    from openapi_spec_validator import validate  # takes seconds

    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["servers"][0]["url"] == "/"
    json.dumps(document)


def test_it_has_every_address_of_the_service(document):
    for folder in ROOT.glob("*/function.json"):
        for binding in json.loads(folder.read_text())["bindings"]:
            route = binding.get("route", "")
            if binding["type"] != "httpTrigger" or route.startswith("manage"):
                continue
            path = f"/api/{re.sub(r'/?{kind[?]}', '', route)}"
            assert document["paths"][path].keys() >= set(binding["methods"]), path
    assert "/api/health/ready" in document["paths"]
    assert sum(path.startswith("/api/manage/") for path in document["paths"]) > 15


def test_every_operation_can_be_read_by_its_name(operations):
    names = [operation["operationId"] for *_, operation in operations]
    assert max(Counter(names).values()) == 1
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)+", name)] == []


def test_every_operation_says_what_it_does_who_may_and_what_can_happen(document, operations):
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    schemes = document["components"]["securitySchemes"]
    for path, method, operation in operations:
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        assert set(operation["tags"]) <= tags, where
        assert len(operation["tags"]) == 1, where
        assert {name for each in operation["security"] for name in each} <= schemes.keys(), where
        assert any(code.startswith("2") for code in operation["responses"]), where
        for code, response in operation["responses"].items():
            assert response["description"], where
            if code.startswith(("4", "5")) and response.get("content"):
                assert response["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorEnvelope"), where
        own = [*document["paths"][path].get("parameters", []), *operation.get("parameters", [])]
        assert {one["name"] for one in own if one["in"] == "path"} == set(re.findall(r"{(\w+)}", path)), where
        assert not any(one["in"] == "header" and one["name"].lower() in {"accept", "content-type"} for one in own)


def test_every_schema_is_used_and_every_reference_leads_somewhere(document):
    text = json.dumps(document)
    used = set(re.findall(r"#/components/schemas/(\w+)", text))
    assert used == document["components"]["schemas"].keys()
    assert [name for name in used if not re.fullmatch(r"[A-Z][A-Za-z]+", name)] == []


def test_every_field_of_an_answer_is_described(document):
    schemas = document["components"]["schemas"]
    for name in data_schemas():
        for field, schema in schemas[name]["properties"].items():
            assert schema.get("description"), f"{name}.{field}: a row in docs/http.md? {AGAIN}"
    form = schemas["Upload"]
    assert set(form["properties"]) == {FILE, *FIELDS}
    assert all(schema["description"] for schema in form["properties"].values()), f"a row in docs/http.md? {AGAIN}"


@pytest.mark.parametrize("event", ["extraction.done", "extraction.failed", "alert.opened", "alert.closed"])
def test_messages_to_webhooks_are_as_the_document_says(document, event):
    import jsonschema  # takes seconds

    about = {"kind": "k", "severity": "error"} if event.startswith("alert") else {"state": "done", "status": "ok"}
    facts = {"company_id": None} | about if event.startswith("alert") else about
    moment = datetime(2026, 11, 29, 8, 30)
    values = {"event": event, "company_id": "NT047", "subject_id": "1", "facts": facts, "occurred_at": moment}
    row = SimpleNamespace(**values)
    message = json.loads(message_body(row, public_url="https://invoices.example.com"))
    content = document["webhooks"][event]["post"]["requestBody"]["content"]["application/json"]
    schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    jsonschema.validate(message, schema)
    assert message["data"].keys() <= schema["properties"]["data"]["properties"].keys()


def test_it_names_every_warning_and_every_error(document):
    schemas = document["components"]["schemas"]
    code = schemas["Warning"]["properties"]["code"]
    assert code["x-extensible-enum"] == list(code["x-meanings"])
    assert {"total_mismatch", "ungrounded", "duplicate_invoice"} <= code["x-meanings"].keys()
    assert all(set(one) == {"review", "meaning", "advice"} and all(one.values()) for one in code["x-meanings"].values())
    code = schemas["ErrorFacts"]["properties"]["code"]
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ServiceError)]
    assert set(code["enum"]) == {kind.code for kind in kinds} == code["x-meanings"].keys()
