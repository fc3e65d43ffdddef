"""Writes ``requests.http``: every address of the OpenAPI document as a request that an editor sends.

The form is that of VS Code's REST Client and of the HTTP client in JetBrains' editors.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")
_HEAD = """\
# Every address of the service. Made of docs/openapi.json by `python -m devstack.contract`; edit nothing here.
# VS Code (REST Client) and JetBrains' editors send a request with a click. `python dev.py run` prints an admin key.

@host = http://localhost:7071
@functionKey = local
@adminKey = ID.SECRET
"""
#: names in addresses, and a value that stands for one
_VALUES = {"company_id": "NT047", "number": "1"}
_SAMPLE = "./samples/gst-invoice.pdf"
_FORM = f"""\
Content-Type: multipart/form-data; boundary=part

--part
Content-Disposition: form-data; name="companyID"

NT047
--part
Content-Disposition: form-data; name="file"; filename="gst-invoice.pdf"
Content-Type: application/pdf

< {_SAMPLE}
--part--
"""
_LOGINS = {"adminKey": "Authorization: Bearer {{adminKey}}\n", "functionKey": "x-functions-key: {{functionKey}}\n"}


def requests_file(document: Mapping[str, Any]) -> str:
    """The text of the file."""
    operations = list(_operations(document))
    names = dict.fromkeys(name for path, _, _ in operations for name in _names_in(path))
    variables = "".join(f"@{name} = {_VALUES.get(name, 1)}\n" for name in names)
    return _HEAD + variables + "".join(_request(document, *operation) for operation in operations)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        yield from ((path, method, methods[method]) for method in _METHODS if method in methods)


def _request(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> str:
    address = path.replace("{", "{{").replace("}", "}}")
    bodies: dict[str, Any] = operation.get("requestBody", {}).get("content", {})
    if "application/octet-stream" in bodies and "multipart/form-data" not in bodies:
        address += "?company_id={{company_id}}&file_name=gst-invoice.pdf"
    elif path == "/api/extractions/{id}":
        address += "?companyID={{company_id}}"
    text = f"\n### {operation['summary']}\n{method.upper()} {{{{host}}}}{address}\n"
    text += "".join(_LOGINS[name] for asked in operation.get("security", [])[:1] for name in asked)
    if "multipart/form-data" in bodies:
        return text + _FORM
    if "application/json" in bodies:
        body = json.dumps(_example(document, bodies["application/json"]), ensure_ascii=False, indent=1)
        return f"{text}Content-Type: application/json\n\n{body}\n"
    if bodies:
        return f"{text}Content-Type: application/octet-stream\n\n< {_SAMPLE}\n"
    return text


def _example(document: Mapping[str, Any], described: Mapping[str, Any]) -> Any:
    """A value that fits: the one that the document gives, else made of what the schema asks for."""
    if "schema" in described and not {"example", "examples"} & described.keys():
        return _example(document, described["schema"])
    if "$ref" in described:
        found: Any = document
        for part in described["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return _example(document, found)
    if "example" in described:
        return described["example"]
    if described.get("examples"):
        examples = described["examples"]
        return next(iter(examples.values()))["value"] if isinstance(examples, dict) else examples[0]
    return _made(document, described)


def _made(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    choices = [one for one in (schema.get("anyOf") or schema.get("oneOf") or ()) if one.get("type") != "null"]
    if choices:
        return _example(document, choices[0])
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        wanted = schema.get("required") or list(schema.get("properties", {}))[:1]
        return {name: _example(document, schema["properties"][name]) for name in wanted}
    if schema.get("type") == "array":
        return [_example(document, schema["items"])] if schema.get("minItems") else []
    numeric = schema.get("minimum", schema.get("default", 1))
    return {"integer": numeric, "number": numeric, "boolean": True}.get(schema.get("type", ""), "text")


def _names_in(path: str) -> list[str]:
    return [part.partition("}")[0] for part in path.split("{")[1:]]
