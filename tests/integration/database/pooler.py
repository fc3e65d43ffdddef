"""A pooler for PostgreSQL that works as PgBouncer does in transaction mode: each transaction gets another session.

It knows as much of the protocol as that takes. A session that had the last transaction goes to the end of the queue, so
that whatever a client leaves in a session is missing in its next transaction, and is met by another client.
"""

import contextlib
import queue
import socket
import struct
import threading

#: PgBouncer's tracked parameters; it refuses all others
_KNOWN = {"user", "database", "client_encoding", "application_name", "DateStyle", "TimeZone"}
_STARTUP, _SSL, _GSS, _CANCEL = 196_608, 80_877_103, 80_877_104, 80_877_102
#: messages that the server answers with ReadyForQuery: a simple query, Sync
_ANSWERED = (b"Q", b"S")


class TransactionPooler:
    """Listens on ``port`` of the loopback and keeps ``sessions`` sessions of one database.

    :param path: the server's socket.
    :ivar refused: start-up parameters that a client sent and PgBouncer would not take.
    """

    def __init__(self, path: str, *, user: str, database: str, sessions: int) -> None:
        self._path = path
        self._free: queue.Queue[_Stream] = queue.Queue()
        self.refused: list[str] = []
        self._greeting = b""
        for _ in range(sessions):
            self._free.put(self._session(user, database))
        self._clients: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self._clients:
            client.close()
        while not self._free.empty():
            self._free.get().socket.close()

    def _session(self, user: str, database: str) -> "_Stream":
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._path)
        stream = _Stream(connection)
        words = b"".join(part.encode() + b"\0" for part in ("user", user, "database", database)) + b"\0"
        connection.sendall(struct.pack("!II", len(words) + 8, _STARTUP) + words)
        self._greeting = stream.until_ready(1)[0]
        return stream

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._clients.append(client)
            threading.Thread(target=self._serve, args=(_Stream(client),), daemon=True).start()

    def _serve(self, client: "_Stream") -> None:
        with client.socket, contextlib.suppress(EOFError, OSError):
            if self._greet(client):
                while True:
                    self._transaction(client)

    def _greet(self, client: "_Stream") -> bool:
        while True:
            (length,) = struct.unpack("!I", client.exactly(4))
            body = client.exactly(length - 4)
            (code,) = struct.unpack("!I", body[:4])
            if code == _CANCEL:
                return False
            if code == _STARTUP:
                break
            assert code in (_SSL, _GSS)
            client.socket.sendall(b"N")
        names = {name.decode() for name in body[4:].split(b"\0")[0:-2:2]}
        self.refused += names - _KNOWN
        client.socket.sendall(self._greeting)
        return not names - _KNOWN

    def _transaction(self, client: "_Stream") -> None:
        kind, message = client.message()
        if kind == b"X":
            raise EOFError
        session = self._free.get()
        try:
            idle = False
            while not idle:
                batch, answers = message, kind in _ANSWERED
                while not answers:
                    kind, message = client.message()
                    batch += message
                    answers = kind in _ANSWERED
                session.socket.sendall(batch)
                answer, idle = session.until_ready(1)
                client.socket.sendall(answer)
                if not idle:
                    kind, message = client.message()
        finally:
            self._free.put(session)


class _Stream:
    """Whole messages out of a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._file = connection.makefile("rb")

    def exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def message(self) -> tuple[bytes, bytes]:
        kind = self.exactly(1)
        size = self.exactly(4)
        return kind, kind + size + self.exactly(struct.unpack("!I", size)[0] - 4)

    def until_ready(self, times: int) -> tuple[bytes, bool]:
        """All messages up to that many of ReadyForQuery, and whether no transaction is open then."""
        answer = b""
        while times:
            kind, message = self.message()
            answer += message
            times -= kind == b"Z"
        return answer, answer[-1:] == b"I"
