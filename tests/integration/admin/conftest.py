"""The admin API as the platform calls it: as TokenAdminFunction does, on each database, with real stand-ins."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest
from sqlalchemy import select

from devstack.gemini import GeminiStandIn
from devstack.openai import OpenAIStandIn
from shared_code.admin.app import create_app
from shared_code.bootstrap import build_services
from shared_code.bootstrap.container import Services
from shared_code.database import tables
from shared_code.database.stores.operations import admin_keys
from shared_code.database.stores.operations.admin_keys import AdminRole
from TokenAdminFunction import answer

RING = "test:" + "A" * 43 + "="
HOST = "http://localhost:7071"


class Api:
    """Sends requests through the platform's adapter. ``key`` is what stands after Bearer."""

    def __init__(self, services: Services, **options: Any) -> None:
        self.services = services
        self.app = create_app(lambda: services, **options)
        self.raw: list[str] = []
        self.key = self.new_key(AdminRole.ADMIN)

    def new_key(self, role: AdminRole | str, company: str | None = None, label: str | None = None) -> str:
        return self.services.database.run(
            lambda connection: admin_keys.create_admin_key(
                connection, role=AdminRole(role), company_id=company, label=label
            )
        )[1]

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "own",
        headers: dict[str, str] | None = None,
        binary: bool = False,
    ) -> SimpleNamespace:
        sent = dict(headers or {})
        if key is not None:
            sent["authorization"] = f"Bearer {self.key if key == 'own' else key}"
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        if data:
            sent.setdefault("content-type", "application/json")
        request = func.HttpRequest(method, f"{HOST}/api/manage/{path}", headers=sent, body=data)
        response = asyncio.run(answer(request, None, lambda: self.app))
        text = "" if binary else response.get_body().decode()
        self.raw.append(f"{dict(response.headers)} {text}")
        is_json = "json" in (response.headers.get("content-type") or "")
        envelope = json.loads(text) if is_json and text else None
        return SimpleNamespace(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            text=text,
            body=response.get_body(),
            json=envelope,
            data=envelope.get("data") if envelope else None,
            code=(envelope.get("error") or {}).get("code") if envelope else None,
        )

    def get(self, path: str, **options: Any) -> SimpleNamespace:
        return self("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> SimpleNamespace:
        return self("POST", path, body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> SimpleNamespace:
        return self("PATCH", path, body, **options)

    def delete(self, path: str, **options: Any) -> SimpleNamespace:
        return self("DELETE", path, **options)

    def add(self, company: str = "NT047", **values: Any) -> SimpleNamespace:
        """A key that nobody else has; ``secret`` is the key, ``id`` the token's."""
        secret = values.pop("api_key", f"AIzaAdmin{uuid.uuid4().hex}")
        answer = self.post("tokens", {"company_id": company, "api_key": secret, **values})
        assert answer.status == 201, answer.text
        return SimpleNamespace(id=answer.data["token_id"], secret=secret, data=answer.data, etag=answer.headers["etag"])

    def rows(self, table: Any = tables.admin_audit) -> list[Any]:
        order = list(table.primary_key.columns)
        return self.services.database.read(lambda connection: connection.execute(select(table).order_by(*order)).all())


@pytest.fixture
def gemini() -> Iterator[GeminiStandIn]:
    with GeminiStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def openai() -> Iterator[OpenAIStandIn]:
    with OpenAIStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def make_api(database_url, gemini, openai, make_settings) -> Iterator[Any]:
    made = []

    def make(*, services: dict[str, Any] | None = None, **settings: Any) -> Api:
        configured = make_settings(
            database_url,
            gemini_base_url=gemini.url,
            openai_base_url=f"{openai.url}/v1",
            **{"token_encryption_keys": RING, **settings},
        )
        made.append(build_services(configured, **(services or {})))
        return Api(made[-1])

    yield make
    for services in made:
        services.close()


@pytest.fixture
def api(make_api) -> Api:
    return make_api()
