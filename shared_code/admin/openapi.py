"""The one OpenAPI document of the service: uploads, readings and health, and the admin API below ``/api/manage``.

The admin API's part is made by FastAPI from the routes, and corrected where it is wrong about them; the other part is
that of :mod:`shared_code.admin.contract`. Each operation of the admin API says who may use it: in words, and for
programs under ``x-access``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from shared_code.admin.contract import messages, operations
from shared_code.admin.contract.meanings import meanings
from shared_code.errors import ConfigurationError
from shared_code.operations.access import MATRIX, Action

_DESCRIPTION = (
    "Turns invoices into data, and keeps exact account of every model token that it costs. Every JSON answer has one "
    "envelope; an error is always JSON, whatever was asked for. Amounts are text such as `1592.50`, never floats."
)
_SERVERS: list[dict[str, Any]] = [
    {"url": "/", "description": "Where this document comes from"},
    {"url": "http://localhost:7071", "description": "The local stack: python dev.py run"},
    {
        "url": "https://{app}.azurewebsites.net",
        "description": "A Function App in Azure",
        "variables": {"app": {"default": "your-app", "description": "Its name"}},
    },
]
_TAGS = {
    "extract": "Documents in, data out.",
    "health": "For probes; without a login.",
    "extractions": "Readings, for those who look after them.",
    "reviews": "Readings that a person looks at, and what is decided about them.",
    "tokens": "Keys of model providers: they go in once and never come out.",
    "usage": "What was used.",
    "quotas": "Limits of companies, branches and users.",
    "retries": "Attempts that failed.",
    "logs": "What the service said.",
    "alerts": "What needs a person.",
    "diagnostics": "How the database is.",
    "audit": "Who changed what.",
    "webhooks": "What was told to others, and what could not be.",
}
#: as FastAPI names a model with parameters, and our name for it
_SHORT_NAMES = (
    (re.compile(r"\bEnvelope_Union_(\w+?)__NoneType__"), r"\1OrNullAnswer"),
    (re.compile(r"\bEnvelope_(?:Page|list)_(\w+?)__"), r"\1ListAnswer"),
    (re.compile(r"\bEnvelope_(\w+?)_\b"), r"\1Answer"),
    (re.compile(r"\bPage_(\w+?)_\b"), r"\1Page"),
)
_METHODS = {"get", "put", "post", "delete", "patch"}


def install(app: FastAPI, actions: Mapping[tuple[str, str], Action]) -> None:
    """Serve our document as the app's.

    :param actions: what each address and method (``GET``) does.
    """

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, actions)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # FastAPI's documented way


def _document(app: FastAPI, actions: Mapping[tuple[str, str], Action]) -> dict[str, Any]:
    made = get_openapi(
        title=app.title,
        version=app.version,
        description=_DESCRIPTION,
        servers=_SERVERS,
        license_info={"name": "MIT", "identifier": "MIT"},
        tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
        routes=app.routes,
    )
    for operation in _operations(made):
        # Errors of validation are answered 400 in our envelope.
        if "HTTPValidationError" in str(operation["responses"].get("422")):
            del operation["responses"]["422"]
        operation["security"] = [{"adminKey": []}]
        for parameter in operation.get("parameters", []):
            parameter["schema"] = _without_null(parameter["schema"])
        for response in operation["responses"].values():
            response.setdefault("headers", {})["x-request-id"] = {"schema": {"type": "string"}}
    for (path, method), action in actions.items():
        _name_who_may(made["paths"][path][method.lower()], action)
    components = made.setdefault("components", {})
    components.setdefault("securitySchemes", {})["adminKey"] = {
        "type": "http",
        "scheme": "bearer",
        "description": "`id.secret` as `manage.py admin-keys create` has printed it.",
    }
    schemas = components.get("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for schema in schemas.values():
        _give_back_nulls(schema.get("example"), schema, schemas)
    _add_the_other_part(made)
    return _with_short_names(made)


def _add_the_other_part(made: dict[str, Any]) -> None:
    """Everything beside the admin API, which comes first: it is what most look for."""
    components = made["components"]
    components["securitySchemes"]["functionKey"] = {
        "type": "apiKey",
        "in": "header",
        "name": "x-functions-key",
        "description": "A function key of the platform; the local host asks for none.",
    }
    code = components["schemas"]["ErrorFacts"]["properties"]["code"]
    code["description"] = "Go by it, never by the message."
    code["x-meanings"] = meanings().errors
    own = operations.schemas() | messages.schemas()
    twice = own.keys() & components["schemas"].keys()
    if twice:
        raise ConfigurationError(f"Two schemas of the document have one name: {', '.join(sorted(twice))}.")
    components["schemas"] = {**own, **components["schemas"]}
    made["paths"] = {**operations.paths(), **made["paths"]}
    made["webhooks"] = messages.webhooks()


def _with_short_names(document: dict[str, Any]) -> dict[str, Any]:
    """Names of generic models that a client can be made of: ``TokenViewPage``, not ``Envelope_Page_TokenView__``."""
    text = json.dumps(document)
    for pattern, name in _SHORT_NAMES:
        text = pattern.sub(name, text)
    found: dict[str, Any] = json.loads(text)
    for name, schema in found["components"]["schemas"].items():
        # Clients are named by titles where there are any.
        schema["title"] = name
    return found


def _name_who_may(operation: dict[str, Any], action: Action) -> None:
    rule = MATRIX[action]
    bound = "does it for that company only" if rule.own_company else "may not do it"
    who = f"Needs the role {rule.lowest.value} or a higher one. A login that is bound to a company {bound}."
    operation["description"] = f"{operation['description']}\n\n{who}"
    operation["x-access"] = {
        "action": action.value,
        "role": rule.lowest.value,
        "bound_logins": rule.own_company,
    }


def _give_back_nulls(shown: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> None:
    """FastAPI leaves out what is null, in examples too, which then lack what the schema says is always there."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if isinstance(shown, list):
        for item in shown:
            _give_back_nulls(item, schema.get("items", {}), schemas)
    elif isinstance(shown, dict):
        for name in schema.get("required", ()):
            shown.setdefault(name, None)
        for name, value in shown.items():
            _give_back_nulls(value, schema.get("properties", {}).get(name, {}), schemas)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter can be left out, but there is no way to write null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind.get("type") != "null"]
    if len(kinds) != 1:
        return schema
    return {**{name: value for name, value in schema.items() if name != "anyOf"}, **kinds[0]}


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from (operation for method, operation in path.items() if method in _METHODS)
