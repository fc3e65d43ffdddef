"""Asks the processes of the stack whether they answer. Never through a proxy."""

import http.client
from dataclasses import dataclass

from devstack.setup.console import SetupProblem
from devstack.setup.ports import LOOPBACK

_OK = 200
_FAILED = 500


@dataclass(frozen=True)
class Question:
    """A GET that tells whether a part of the stack is ready.

    :ivar any_answer: a refusal counts too (storage answers nothing else to a request without a signature).
    """

    name: str
    port: int
    path: str
    any_answer: bool = False
    pause_seconds: float = 0.1

    def answered(self) -> bool:
        """Whether it is ready. Raises SetupProblem when it never will be."""
        status = status_of(self.port, self.path)
        if self.any_answer:
            return status is not None
        if status == _FAILED:
            raise SetupProblem(f"{self.name} failed (HTTP 500 from {self.path}); see the lines above.")
        return status == _OK


def status_of(port: int, path: str, *, timeout_seconds: float = 5.0) -> int | None:
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
