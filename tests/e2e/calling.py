"""Requests over a real socket, as a front end sends them."""

import http.client
import json
import sqlite3
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
INVOICES = ROOT / "tests" / "data" / "invoices"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self):
        return json.loads(self.raw)

    @property
    def code(self):
        return (self.json["error"] or {}).get("code")


def unique(path: Path) -> bytes:
    """The document with bytes behind its end that make it another document."""
    return path.read_bytes() + f"\n% {uuid.uuid4()}\n".encode()


def request(url: str, method: str = "GET", *, body=None, headers=None, encode_chunked=False) -> Answer:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
    try:
        connection.request(
            method,
            f"{parts.path}?{parts.query}" if parts.query else parts.path,
            body=body,
            headers=headers or {},
            encode_chunked=encode_chunked,
        )
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def post_form(host: str, data: bytes | None, *, file_name="invoice.pdf", headers=None, **fields) -> Answer:
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    if data is not None:
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        parts.append(head.encode() + data + b"\r\n")
    body = b"".join(parts) + f"--{boundary}--\r\n".encode()
    return request(
        f"{host}/api/extract",
        "POST",
        body=body,
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}", **(headers or {})},
    )


def extract(host: str, data: bytes | None, **fields) -> Answer:
    """The seed's request."""
    return post_form(
        host, data, **{"companyID": "NT047", "username": "bzumah", "branch": "RUB", "licenceID": "LIC001", **fields}
    )


def post_raw(host: str, data: bytes, content_type: str, **query) -> Answer:
    return request(f"{host}/api/extract?{urlencode(query)}", "POST", body=data, headers={"Content-Type": content_type})


def control(url: str, path: str, body=None):
    """A control request to a model stand-in."""
    answer = request(
        f"{url.removesuffix('/v1')}/_control/{path}",
        "GET" if body is None else "POST",
        body=None if body is None else json.dumps(body),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status == 200, answer.raw
    return answer.json


def rows(stack: dict, sql: str, *values):
    """Rows of the stack's SQLite file as dicts."""
    with sqlite3.connect(stack["database_url"].removeprefix("sqlite:///")) as connection:
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute(sql, values)]
    connection.close()
    return found


def write(stack: dict, sql: str, *values) -> int:
    """One statement typed by hand, as the seed tells people to."""
    with sqlite3.connect(stack["database_url"].removeprefix("sqlite:///"), timeout=10) as connection:
        number = connection.execute(sql, values).lastrowid
    connection.close()
    return number
