"""Requests that no honest client sends, made from the API's own document. The short form runs in the tests."""

import base64
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

NUMBERS = [
    *(-(2**63) - 1, -(2**31), -1, 0, 1, 2, 2**31 - 1, 2**31, 2**32, 2**53 - 1, 2**53, 2**63 - 1, 2**63, 2**64),
    *(10**18, 9007199254740991, 10**30, 10**400, "1e3", "1.5", "1.0", "+1", " 1", "1_0", "0x1", "NaN", "Infinity", ""),
    *("٣", "1;2", "1 OR 1=1", "null", "true", "00000000000000000000000000001"),
]
#: of them, those at the edges of columns, and two that are none
EDGES = [-(2**63) - 1, -1, 0, 2**31 - 1, 2**31, 2**53 - 1, 2**63, 10**30, "1.5", "NaN"]
#: parts of an address as they go over the wire
RAW = [
    *(
        "%ff",
        "%c0%ae",
        "%ed%a0%80",
        "%c0%ae%c0%ae%2f",
        "%f4%90%80%80",
        "%00",
        "%0d%0aX:1",
        "%2e%2e%2f",
        "..;",
        "%",
        "%zz",
    ),
    *("%e9", "%u0041", "a" * 3000, "%F0%9F%A7%BE", "%EF%BF%BD", "%EF%BB%BF", "%5b", "[", "\u00e9", "*", "%25ff", "//"),
]
TEXTS = [
    *("", " ", "a", "NT047", "nt047", "x" * 101, "x" * 5000, "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\ufffd"),
    *("\U0001f9fe" * 60, "e\u0301" * 60, "'; DROP TABLE x--", "[host]", "%", "_", "\\", "\u202e", "\x1b[31m", "NaN"),
    *("2026-11-21", "0001-01-01", "9999-12-31T23:59:59.999999+14:00", "0001-01-01T00:00:00-14:00", "2026-02-30"),
]
VALUES = [
    *(None, True, False, 0, -1, 2**31, 2**53 - 1, 2**53, 2**63, 10**30, 1.5, 5.0, 1e308, [], {}, [[]], {"a": {}}),
    *TEXTS,
]
DEEP = "[" * 20_000
NESTED = base64.b64encode(DEEP.encode()).decode()
HEADERS = {
    "x-ms-client-principal": [
        *(
            NESTED,
            "not base64",
            "",
            "W10=",
            base64.b64encode(b"\xff\xfe").decode(),
            base64.b64encode(b"1" * 5000).decode(),
        ),
        base64.b64encode(json.dumps({"claims": [{"typ": [[]], "val": {}}, 5, {"typ": "roles"}]}).encode()).decode(),
        base64.b64encode(json.dumps({"claims": {"a": 1}, "role_typ": [1], "name_typ": {}}).encode()).decode(),
        base64.b64encode(b'{"claims": [{"typ": "roles", "val": "\\ud800"}]}').decode(),
    ],
    "authorization": [
        *(
            "",
            "Bearer",
            "Bearer ",
            "Bearer .",
            "bearer " + "a" * 9000,
            "Basic OjpA",
            "\u00e9",
            "Bearer a.b c",
            "Bearer \ufffd",
        ),
        "Bearer " + "a" * 33 + "." + "b" * 40,
    ],
    "cookie": ["a=b; c", "\u00ff=1", "x" * 9000, "=;=;", 'a="\\'],
    "x-request-id": ["", "a b", "x" * 65, "\u00e9", "a,b"],
    "traceparent": ["", "00-" + "0" * 32 + "-" + "0" * 16 + "-00", "x" * 3000, "\u00e9"],
    "if-match": ["", '"', '"a', "*,*", 'W/"' + "x" * 5000 + '"', '"\u00e9"', ", ".join(['"a"'] * 500)],
    "content-type": [
        "",
        "text/plain",
        "application/json; charset=utf-16",
        "application/json;;;",
        "\u00e9",
        "x" * 3000,
        "a/b;c",
    ],
    "accept": ["", "\u00e9", "*/*;q=x"],
    "host": ["", "a:99999", "[::1", "a b", "\u00e9", "a:b"],
    "x-forwarded-for": ["", "\u00e9", "1.1.1.1," * 500, "[", "::1:1:1"],
    "x-forwarded-port": ["", "x", "9" * 500, "80,443"],
}
BODIES = [
    b"",
    b"{",
    b"\xff\xfe",
    b"1" * 5000,
    DEEP.encode(),
    b'{"a":' * 5000,
    b"null",
    b'"',
    b"\x00",
    b"{}",
    b"[1]",
    b"NaN",
]


@dataclass
class Request:
    """One request; ``url`` is what stands behind ``/api/manage/``."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: whether it comes with a key
    login: bool = True


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, address and description of every operation."""
    return [
        (method.upper(), path.removeprefix("/api/manage/"), operation)
        for path, item in document["paths"].items()
        if path.startswith("/api/manage/")
        for method, operation in item.items()
    ]


def numbers_everywhere(document: dict[str, Any]) -> Iterator[Request]:
    """Every number that an address can hold, one by one beside ids that exist, with every odd value."""
    for method, path, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["schema"].get("type") != "integer":
                continue
            for value in map(_wire, EDGES):
                if parameter["in"] == "path":
                    yield Request(method, path.replace(f"{{{parameter['name']}}}", value), body=b"{}")
                elif parameter["in"] == "query":
                    yield Request(method, f"{path}?{parameter['name']}={value}")


def random_requests(document: dict[str, Any], count: int, *, seed: int) -> Iterator[Request]:
    """``count`` requests, the same for a seed: addresses, filters, headers and bodies of every kind."""
    chance = random.Random(seed)
    known = operations(document)
    # Diagnostics cost a tenth of a second each time.
    weights = [1 if path == "diagnostics" else 10 for _, path, _ in known]
    for method, path, operation in chance.choices(known, weights, k=count):
        request = Request(
            chance.choice(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
            if chance.random() < 0.1
            else method,
            f"{_path(chance, path, operation)}{_query(chance, operation)}",
            body=_body(chance, document, operation) if chance.random() < 0.8 else b"",
            login=chance.random() < 0.95,
        )
        for name in chance.sample(list(HEADERS), chance.choice([0, 0, 1, 2])):
            request.headers[name] = chance.choice(HEADERS[name])
        yield request


def _path(chance: random.Random, path: str, operation: dict[str, Any]) -> str:
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            chosen = _wire(chance.choice(NUMBERS)) if chance.random() < 0.4 else str(chance.randint(1, 4))
            path = path.replace(f"{{{parameter['name']}}}", chosen)
    parts = path.split("/")
    if chance.random() < 0.15:
        parts[chance.randrange(len(parts))] = chance.choice(RAW)
    return "/".join(parts)


def _wire(value: Any) -> str:
    return quote(str(value), safe="")


def _query(chance: random.Random, operation: dict[str, Any]) -> str:
    names = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]
    if not names or chance.random() < 0.3:
        return chance.choice(["", "", "?x=1", "?%ff=1", "?", "?&&=&"])
    pairs = []
    for name in chance.sample(names, min(len(names), chance.randint(1, 3))):
        pool = chance.choice([NUMBERS, [text for text in TEXTS if "\ud800" not in text], RAW])
        value = chance.choice(pool)
        pairs.append(f"{name}={value if pool is RAW else _wire(value)}")
    return f"?{'&'.join(pairs)}"


def _body(chance: random.Random, document: dict[str, Any], operation: dict[str, Any]) -> bytes:
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if schema is None or chance.random() < 0.1:
        return chance.choice(BODIES)
    schemas = document["components"]["schemas"]
    choices = [schema, *schema.get("oneOf", []), *schema.get("anyOf", [])]
    named = [schemas[each["$ref"].rpartition("/")[2]] for each in choices if "$ref" in each]
    made: dict[str, Any] = dict(chance.choice(named)["example"])
    for _ in range(chance.choice([0, 1, 1, 2])):
        name = chance.choice([*made, "unknown"])
        made[name] = chance.choice(VALUES)
    if chance.random() < 0.2:
        made.pop(chance.choice([*made]))
    return json.dumps(made).encode()
