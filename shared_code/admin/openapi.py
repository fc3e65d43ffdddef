"""The OpenAPI document: made by FastAPI from the routes, and corrected where it is wrong about them."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

_METHODS = {"get", "put", "post", "delete", "patch"}


def install(app: FastAPI) -> None:
    """Serve our document as the app's."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # FastAPI's documented way


def _document(app: FastAPI) -> dict[str, Any]:
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
