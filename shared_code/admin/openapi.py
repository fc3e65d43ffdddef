"""The OpenAPI document: made by FastAPI from the routes, and corrected where it is wrong about them.

Each operation says who may use it: in words, and for programs under ``x-access``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from shared_code.operations.access import MATRIX, Action

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
        description="Keys, usage, quotas, logs and alerts. Keys go in once and never come out.",
        routes=app.routes,
    )
    for operation in _operations(made):
        # Errors of validation are answered 400 in our envelope.
        operation["responses"].pop("422", None)
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
        _give_back_nulls(schema)
    return made


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


def _give_back_nulls(schema: dict[str, Any]) -> None:
    """FastAPI leaves out what is null, in examples too, which then lack what the schema says is always there."""
    if isinstance(schema.get("example"), dict):
        for name in schema.get("required", ()):
            schema["example"].setdefault(name, None)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter can be left out, but there is no way to write null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind.get("type") != "null"]
    if len(kinds) != 1:
        return schema
    return {**{name: value for name, value in schema.items() if name != "anyOf"}, **kinds[0]}


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from (operation for method, operation in path.items() if method in _METHODS)
