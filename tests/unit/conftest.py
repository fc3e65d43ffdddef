"""Keeps the promise of this folder: no server, no database, no process of our own. Those belong to ``integration``."""

import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator

import pytest

_popen = subprocess.Popen.__init__


def _refused(*_arguments, **_options):
    pytest.fail("A unit test needs no connection, database or process; see tests/integration.")


def _no_python(self, command, *arguments, **options):
    """Libraries look for others with the system's tools, which may go on."""
    if sys.executable in command:
        _refused()
    _popen(self, command, *arguments, **options)


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _refused)
        patch.setattr(socket.socket, "listen", _refused)
        patch.setattr(sqlite3, "connect", _refused)
        patch.setattr(subprocess.Popen, "__init__", _no_python)
        yield
