"""requests.http has every address of the OpenAPI document, and nothing that an editor or the service would refuse."""

import json
import re
from pathlib import Path

import pytest

from devstack.requests_file import requests_file

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "requests.http").read_text(encoding="utf-8")
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
VARIABLES = dict(re.findall(r"^@(\w+) = (.+)$", TEXT, re.MULTILINE))
METHODS = ("get", "post", "put", "patch", "delete")


def requests():
    """(method, template of the path, query, headers, body) of each request, read as an editor reads the file."""
    for block in re.split(r"^### .+\n", TEXT, flags=re.MULTILINE)[1:]:
        head, _, body = block.strip().partition("\n\n")
        line, *headers = head.splitlines()
        method, address = line.split(" ")
        path, _, query = address.partition("?")
        assert path.startswith("{{host}}/")
        template = path.removeprefix("{{host}}").replace("{{", "{").replace("}}", "}")
        names = {pair.partition("=")[0] for pair in query.split("&") if pair}
        yield method.lower(), template, names, dict(each.split(": ", 1) for each in headers), body


REQUESTS = list(requests())


def operation(method, template):
    return DOCUMENT["paths"][template][method]


def test_every_operation_is_there_once():
    documented = [(method, path) for path, item in DOCUMENT["paths"].items() for method in METHODS if method in item]
    assert sorted((method, template) for method, template, *_ in REQUESTS) == sorted(documented)
    assert len(REQUESTS) > 50


def test_every_variable_is_set_and_used():
    assert set(re.findall(r"\{\{(\w+)\}\}", TEXT)) == set(VARIABLES)


@pytest.mark.parametrize(("method", "template", "query", "headers", "body"), REQUESTS)
def test_a_request_is_one_that_the_document_describes(method, template, query, headers, body):
    described = operation(method, template)
    parameters = described.get("parameters", []) + DOCUMENT["paths"][template].get("parameters", [])
    named = {one["name"] for one in parameters if one["in"] == "query"}
    assert query <= named
    assert {one["name"] for one in parameters if one["in"] == "query" and one.get("required")} <= query
    logins = {name for asked in described.get("security", []) for name in asked}
    assert ("Authorization" in headers) == ("adminKey" in logins)
    assert ("x-functions-key" in headers) == ("functionKey" in logins)
    offered = described.get("requestBody", {}).get("content", {})
    assert bool(body) == bool(offered)
    if body:
        assert headers["Content-Type"].partition(";")[0] in offered
    for file in re.findall(r"^< (.+)$", body, re.MULTILINE):
        assert (ROOT / file).is_file()


@pytest.mark.parametrize(
    ("method", "template", "body"),
    [
        (method, template, body)
        for method, template, _, headers, body in REQUESTS
        if "/json" in headers.get("Content-Type", "")
    ],
)
def test_a_body_is_one_that_its_schema_takes(method, template, body):
    import jsonschema  # takes seconds

    schema = operation(method, template)["requestBody"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": DOCUMENT["components"]}
    jsonschema.validate(json.loads(body), whole, cls=jsonschema.Draft202012Validator)


def test_the_file_is_made_of_the_document():
    """`python -m devstack.contract` writes it."""
    assert requests_file(DOCUMENT) == TEXT
