"""Asks the processes of the stack whether they answer. Never through a proxy."""

import http.client
import json

from devstack.setup.ports import LOOPBACK


def status_of(port: int, path: str, *, timeout_seconds: float = 2.0) -> int | None:
    """HTTP status of a GET on loopback, or None when nobody answers."""
    return _ask("GET", port, path, None, timeout_seconds)


def post_json(port: int, path: str, content: object, *, timeout_seconds: float = 5.0) -> int | None:
    """HTTP status of a POST on loopback, or None when nobody answers."""
    return _ask("POST", port, path, json.dumps(content).encode(), timeout_seconds)


def _ask(method: str, port: int, path: str, body: bytes | None, timeout_seconds: float) -> int | None:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout_seconds)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return answer.status
