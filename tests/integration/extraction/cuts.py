"""Ways to take a database away for a while: a proxy that hangs up and refuses, a process that holds SQLite's lock."""

import contextlib
import random
import select
import socket
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import make_url

_HOLD = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None); "
_HOLD += "c.execute('BEGIN EXCLUSIVE'); print('held', flush=True); sys.stdin.read()"


class LockedFile:
    """A SQLite file whose only writer's place is taken by another process."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._path = make_url(url).database
        self._holder: subprocess.Popen | None = None

    def cut(self) -> None:
        self._holder = subprocess.Popen(
            [sys.executable, "-c", _HOLD, self._path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._holder.stdout.readline()

    def mend(self) -> None:
        self._holder.communicate()

    def close(self) -> None:
        if self._holder is not None and self._holder.poll() is None:
            self.mend()


def _listen(port: int) -> socket.socket:
    """A listener on a port, or on some port (0) of those that no outgoing connection is given while it is closed."""
    if port:
        return socket.create_server(("127.0.0.1", port), backlog=128)
    for _ in range(100):
        with contextlib.suppress(OSError):
            return _listen(random.randint(20_000, 32_000))
    raise AssertionError("no port is free")


class Proxy:
    """Passes connections on to a database server, until it is cut: then it hangs up and refuses."""

    def __init__(self, target: tuple[str, int] | str) -> None:
        self._target = target
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._loses: str | None = None
        self._flows = threading.Event()
        self._flows.set()
        self.port = 0
        self.url = ""
        self.mend()

    def lose_next_answer(self, *, then_cut: bool) -> None:
        """Hang up instead of passing on what the server says next; with ``then_cut`` on everybody."""
        self._loses = "all" if then_cut else "one"

    def freeze(self) -> None:
        """Take connections and bytes and pass nothing on, as a server does that hangs."""
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def cut(self) -> None:
        listener, self._listener = self._listener, None
        # Closing alone would leave the thread in accept().
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._listener = _listen(self.port)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        self.thaw()
        if self._listener is not None:
            self.cut()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        family = socket.AF_UNIX if isinstance(self._target, str) else socket.AF_INET
        with client, socket.socket(family) as server:
            try:
                server.connect(self._target)
            except OSError:
                return
            with self._lock:
                self._open |= {client, server}
            with contextlib.suppress(OSError):
                while True:
                    for ready in select.select([client, server], [], [])[0]:
                        self._flows.wait()
                        data = ready.recv(65_536)
                        if not data:
                            return
                        if ready is server and self._loses:
                            loses, self._loses = self._loses, None
                            if loses == "all":
                                self.cut()
                            return
                        (server if ready is client else client).sendall(data)
            with self._lock:
                self._open -= {client, server}


@contextmanager
def cuttable(url: str) -> Iterator[Any]:
    """The same database behind something that can take it away."""
    backend = make_url(url).get_backend_name()
    if backend == "sqlite":
        made: Any = LockedFile(url)
    elif backend == "postgresql":
        host = make_url(url).query["host"]
        made = Proxy(f"{host}/.s.PGSQL.5432")
        made.url = str(
            make_url(url).set(host="127.0.0.1", port=made.port, query={}).render_as_string(hide_password=False)
        )
    else:
        odbc = urllib.parse.unquote_plus(url.partition("odbc_connect=")[2])
        server = next(part for part in odbc.split(";") if part.upper().startswith("SERVER="))
        host, _, port = server.partition("=")[2].partition(",")
        made = Proxy((host, int(port)))
        made.url = "mssql+pyodbc:///?odbc_connect=" + urllib.parse.quote_plus(
            odbc.replace(server, f"SERVER=127.0.0.1,{made.port}")
        )
    try:
        yield made
    finally:
        made.close()
