"""What both stand-ins do the same way: serve on a thread, take control requests, script faults, record calls."""

import json
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl

from devstack.http_server import Answer, BodyTooLarge, Client, Request, Server, json_answer
from devstack.models import faults
from devstack.models.calls import Call, CallRecord, key_hash
from devstack.models.documents import Attachment
from devstack.models.faults import Fault, FaultScript, UnknownFault, fault_from
from devstack.models.keys import OK, KeyRing
from devstack.models.questions import NO_KEY, Blob, Context, ErrorTable, Question, RequestRefused, read

MAX_BODY_BYTES = 160 * 1024 * 1024
_JSON = "application/json; charset=utf-8"
_HTML_502 = (
    b"<!DOCTYPE html>\n<html lang=en>\n<title>Error 502 (Server Error)!!1</title>\n"
    b"<p><b>502.</b> <ins>That's an error.</ins>\n"
    b"<p>The server encountered a temporary error and could not complete your request.\n"
    b"<p>Please try again in 30 seconds.\n"
)


_TRANSPORT = {
    faults.HTML_502: Answer(502, _HTML_502, "text/html; charset=UTF-8"),
    faults.EMPTY_200: Answer(200, b"", _JSON),
    faults.NOT_JSON_200: Answer(200, b"<html>upstream says hello</html>", "text/html; charset=UTF-8"),
    faults.CLOSE: Answer(200, send_bytes=0),
}


class StandIn(ABC):
    """A model vendor on loopback. Use it as a context manager in tests, or ``start`` and ``stop`` it.

    :cvar refusals: error answers of the service, by kind; ``key_refusals`` are those that a key may be in for good.
    :cvar output_kinds: faults that change a billed answer instead of replacing it.
    :cvar usage_name: where a body holds what was billed.
    :cvar base_paths: paths of base URLs, below which the service's own begin.
    :ivar latency_seconds: no billed call is answered earlier than this after its arrival.
    """

    refusals: ClassVar[ErrorTable]
    key_refusals: ClassVar[ErrorTable]
    output_kinds: ClassVar[frozenset[str]]
    usage_name: ClassVar[str]
    base_paths: ClassVar[frozenset[str]] = frozenset({"", "/v1"})

    def __init__(self, *, port: int = 0, latency_ms: float = 0) -> None:
        self.latency_seconds = latency_ms / 1000
        self.script = FaultScript(self.output_kinds.union(self.refusals))
        self.keys = KeyRing()
        self.record = CallRecord()
        self._stopping = threading.Event()
        self._server = Server("127.0.0.1", port, name="stand-in", body_limit=MAX_BODY_BYTES)

    @property
    def url(self) -> str:
        """Base URL without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.server_port

    @property
    def connections(self) -> int:
        """Connections that clients have made so far."""
        return self._server.opened

    def start(self) -> Self:
        """Serve on a thread."""
        self._server.start(self._serve)
        return self

    def stop(self) -> None:
        """Stop serving and break open connections. Delayed answers are given up."""
        self._stopping.set()
        self._server.stop()
        self._server.break_connections()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def calls(self, *, since: int = 0) -> list[dict[str, Any]]:
        """Every request so far, in order of arrival; see :class:`devstack.models.calls.Call` for the keys."""
        return self.record.all(since=since)

    def fault(
        self,
        kind: str,
        *,
        key: str | None = None,
        model: str | None = None,
        times: int = 1,
        delay_ms: float = 0,
        **options: Any,
    ) -> None:
        """Script a fault for the next ``times`` model calls with this key and model (0 = until reset)."""
        hashed = key_hash(key) if key else None
        self.script.add(Fault(kind, hashed, model, times or None, delay_ms / 1000, options))

    def key(self, api_key: str, *, state: str = OK, project: str | None = None) -> None:
        """Give a key a lasting state (``ok`` or the kind of an error) and a project. Raises :class:`UnknownFault`."""
        self._check_state(state)
        self.keys.set_key(key_hash(api_key), state=state, project=project)

    def project(self, name: str, *, state: str) -> None:
        """Give all keys of a project a lasting state. Raises :class:`UnknownFault`."""
        self._check_state(state)
        self.keys.set_project(name, state=state)

    def latency(self, milliseconds: float) -> None:
        """Set how long a model call takes at least."""
        self.latency_seconds = milliseconds / 1000

    def reset(self) -> None:
        """Forget calls, faults and key states; latency stays."""
        self.record.clear()
        self.script.clear()
        self.keys.clear()

    @abstractmethod
    def answer(self, request: Request, call: Call) -> Answer:
        """The vendor's answer; fills in what the call record should know. Raises :class:`RequestRefused`."""

    @abstractmethod
    def open(self, blob: Blob) -> Attachment:
        """Open a file of a question. Raises :class:`RequestRefused`."""

    @abstractmethod
    def respond(self, question: Question, attachments: Sequence[Attachment], text: str, fault: Fault | None) -> Any:
        """The vendor's body around the model's ``text``, as usual or as a fault of ``output_kinds`` wants it."""

    @abstractmethod
    def ok(self, body: Any) -> Answer:
        """A body with status 200, as the vendor sends it."""

    def check_key(self, context: Context, call: Call) -> None:
        """Raises :class:`RequestRefused` without a key, and for one that is in a state of error."""
        if not context.api_key:
            raise RequestRefused(self.refusals[NO_KEY](context))
        call.key_hash = key_hash(context.api_key)
        state = self.keys.state(call.key_hash)
        if state != OK:
            call.fault = state
            raise RequestRefused(self.key_refusals[state](context))

    def ask(self, question: Question, context: Context, call: Call) -> Answer:
        """What the model says to a question, or what the fault script says instead."""
        fault = self.script.take(call.key_hash, context.model)
        if fault is None:
            return self._billed(question, call, None)
        call.fault = fault.kind
        self._wait(fault.delay_seconds)
        if fault.kind in self.refusals:
            return self.refusals[fault.kind](replace(context, options=fault.options))
        if fault.kind == faults.CLOSE_MID_ANSWER:
            answer = self._billed(question, call, None)
            return replace(answer, send_bytes=-(len(answer.body) // 2))
        if fault.kind == faults.RAW:
            body = fault.options.get("body", "")
            raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            headers = tuple(dict(fault.options.get("headers", {})).items())
            return Answer(int(fault.options.get("status", 200)), raw, _JSON, headers)
        return _TRANSPORT.get(fault.kind) or self._billed(question, call, fault)

    def _billed(self, question: Question, call: Call, fault: Fault | None) -> Answer:
        attachments = [self.open(blob) for blob in question.blobs]
        call.parts = [
            *({"text_chars": len(text)} for text in question.texts),
            *(
                {"mime_type": blob.mime_type, "bytes": len(blob.data), "pages": len(attachment.pages)}
                for blob, attachment in zip(question.blobs, attachments, strict=True)
            ),
        ]
        # What a scripted answer replaces is not read first: a picture takes seconds.
        scripted = fault is not None and fault.kind == faults.ANSWER
        text = "" if scripted else read(question, attachments, blind=fault is not None and fault.kind == "blind")
        body = self.respond(question, attachments, text, fault)
        call.usage = body.get(self.usage_name)
        return self.ok(body)

    def _wait(self, seconds: float) -> None:
        """Be slow, but not slower than ``stop``."""
        if seconds > 0:
            self._stopping.wait(seconds)

    def _serve(self, request: Request, client: Client) -> None:
        if "transfer-encoding" in request.headers:
            client.send(Answer(411))
            return
        try:
            request = replace(request, body=client.read_body())
        except BodyTooLarge:
            client.send(Answer(413))
            return
        if request.path.startswith("/_control/"):
            client.send(self._control(request))
            return
        if request.path.rstrip("/") in self.base_paths:
            # Asked only to open a connection; the vendors know no such page either.
            client.send(Answer(404))
            return
        call = self.record.open(
            method=request.method,
            path=request.path,
            connection=request.connection,
            request_bytes=len(request.body),
        )
        try:
            reply = self.answer(request, call)
        except RequestRefused as refused:
            reply = refused.answer
        except Exception:  # noqa: BLE001 - a stand-in that fails must say so to its user and keep serving the others
            traceback.print_exc()
            reply = json_answer({"error": {"message": "the stand-in itself failed; see its output"}}, 500)
        if call.usage is not None:
            self._wait(call.arrived + self.latency_seconds - time.monotonic())
        answered = reply.send_bytes is None and not client.has_left()
        self.record.close(call, status=None if reply.send_bytes == 0 else reply.status, answered=answered)
        if not client.send(reply) and answered:
            self.record.lost(call)

    def _control(self, request: Request) -> Answer:
        try:
            data = json.loads(request.body) if request.body else {}
            result = self._command(
                request.method, request.path.removeprefix("/_control/"), data, dict(parse_qsl(request.query))
            )
        except (ValueError, TypeError, KeyError) as error:
            return json_answer({"error": str(error)}, 400)
        return json_answer({"error": "no such control"}, 404) if result is None else json_answer(result)

    def _command(self, method: str, name: str, data: Any, query: Mapping[str, str]) -> dict[str, Any] | None:
        commands: dict[tuple[str, str], Callable[[], dict[str, Any]]] = {
            ("GET", "calls"): lambda: {"calls": self.calls(since=int(query.get("since", 0)))},
            ("GET", "faults"): lambda: {"faults": self.script.pending(), "kinds": sorted(self.script.kinds)},
            ("POST", "faults"): lambda: self._add_faults(data),
            ("POST", "latency"): lambda: self._set_latency(float(data["milliseconds"])),
            ("POST", "keys"): lambda: self._set_state(data),
            ("POST", "reset"): self._reset_all,
        }
        command = commands.get((method, name))
        return command() if command else None

    def _add_faults(self, data: Any) -> dict[str, Any]:
        entries = data.get("faults", [data]) if isinstance(data, dict) else data
        for fault in [fault_from(entry) for entry in entries]:
            self.script.add(fault)
        return {"faults": self.script.pending()}

    def _set_latency(self, milliseconds: float) -> dict[str, Any]:
        self.latency(milliseconds)
        return {"milliseconds": milliseconds}

    def _reset_all(self) -> dict[str, Any]:
        self.reset()
        return {"reset": True}

    def _set_state(self, data: Mapping[str, Any]) -> dict[str, Any]:
        state = str(data.get("state", OK))
        self._check_state(state)
        if "key" in data or "key_hash" in data:
            hashed = str(data.get("key_hash") or key_hash(str(data["key"])))
            self.keys.set_key(hashed, state=state, project=data.get("project"))
        else:
            self.keys.set_project(str(data["project"]), state=state)
        return {"state": state}

    def _check_state(self, state: str) -> None:
        if state != OK and state not in self.key_refusals:
            raise UnknownFault(f"unknown state {state!r}; known: {', '.join(sorted([OK, *self.key_refusals]))}")
