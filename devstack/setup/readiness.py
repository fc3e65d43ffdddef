"""Asks the processes of the stack whether they answer. Never through a proxy."""

import http.client

from devstack.setup.ports import LOOPBACK


def status_of(port: int, path: str, *, timeout_seconds: float = 2.0) -> int | None:
    """HTTP status of a GET on loopback, or None when nobody answers."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout_seconds)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return answer.status
