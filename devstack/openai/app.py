"""The OpenAI API's wire protocol as far as it is used: ``POST /v1/responses`` and ``GET /v1/models``."""

import json
import secrets
from typing import ClassVar

from devstack.models.calls import Call, key_hash
from devstack.models.documents import Attachment, UnreadableImage, open_image, open_pdf, open_text
from devstack.models.faults import Fault
from devstack.models.keys import OK
from devstack.models.reading.pdf_text import UnreadablePdf
from devstack.models.server import Reply, Request
from devstack.models.stand_in import StandIn
from devstack.openai import errors, media
from devstack.openai.answer import OUTPUT_KINDS, read, respond
from devstack.openai.errors import Context, RequestRefused
from devstack.openai.request import Blob, ResponsesRequest, parse_responses

_IMAGES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})


class OpenAIStandIn(StandIn):
    """OpenAI on loopback; give the SDK ``url`` + ``/v1``. ``thoughts`` are the reasoning tokens of every answer."""

    kinds: ClassVar[frozenset[str]] = frozenset(errors.ERRORS) | OUTPUT_KINDS
    states: ClassVar[frozenset[str]] = frozenset(errors.KEY_ERRORS)

    def __init__(self, *, port: int = 0, latency_ms: float = 0, thoughts: int = 0) -> None:
        super().__init__(port=port, latency_ms=latency_ms)
        self.thoughts = thoughts

    def answer(self, request: Request, call: Call) -> Reply:
        """Serve one request; see the base class."""
        scheme, _, api_key = (request.headers.get("Authorization") or "").partition(" ")
        context = Context(api_key.strip() if scheme.lower() == "bearer" else "")
        try:
            self._check_key(context, call)
            if request.method == "GET" and request.path.startswith("/v1/models"):
                return self._list(request.path.removeprefix("/v1/models").strip("/"))
            if request.method == "POST" and request.path == "/v1/responses":
                return self._respond(request, context, call)
        except RequestRefused as refused:
            return refused.reply
        return errors.error(404, f"Invalid URL ({request.method} {request.path})")

    def _check_key(self, context: Context, call: Call) -> None:
        if not context.api_key:
            raise RequestRefused(errors.ERRORS[errors.NO_KEY](context))
        call.key_hash = key_hash(context.api_key)
        state = self.keys.state(call.key_hash)
        if state != OK:
            call.fault = state
            raise RequestRefused(errors.KEY_ERRORS[state](context))

    def _list(self, model: str) -> Reply:
        if not model:
            return _ok({"object": "list", "data": [_description(name) for name in media.LISTED]})
        if model not in media.LISTED:
            raise RequestRefused(errors.ERRORS["model_not_found"](Context(model=model)))
        return _ok(_description(model))

    def _respond(self, request: Request, context: Context, call: Call) -> Reply:
        question = parse_responses(request.body)
        call.model = question.model
        call.max_output_tokens = question.max_output_tokens
        if question.model not in media.LISTED:
            raise RequestRefused(errors.ERRORS["model_not_found"](Context(model=question.model)))
        fault = self.script.take(call.key_hash, question.model)
        if fault:
            call.fault = fault.kind
            self.wait(fault.delay_seconds)
            if fault.kind in errors.ERRORS:
                return errors.ERRORS[fault.kind](Context(context.api_key, question.model, fault.options))
            reply = self.transport_fault(fault, lambda: self._billed(question, call, None))
            if reply:
                return reply
        return self._billed(question, call, fault)

    def _billed(self, question: ResponsesRequest, call: Call, fault: Fault | None) -> Reply:
        attachments = [_open(blob) for blob in question.blobs]
        call.parts = [
            *({"text_chars": len(text)} for text in question.texts),
            *(
                {"mime_type": blob.mime_type, "bytes": len(blob.data), "pages": len(attachment.pages)}
                for blob, attachment in zip(question.blobs, attachments, strict=True)
            ),
        ]
        text = read(question, attachments, blind=fault is not None and fault.kind == "blind")
        body = respond(question, attachments, text=text, fault=fault, reasoning=self.thoughts)
        call.usage = body["usage"]
        return _ok(body)


def _open(blob: Blob) -> Attachment:
    try:
        if blob.mime_type == "application/pdf":
            return open_pdf(blob.data)
        if blob.mime_type in _IMAGES:
            return open_image(blob.mime_type, blob.data)
    except (UnreadablePdf, UnreadableImage) as failure:
        raise RequestRefused(errors.ERRORS["bad_file"](Context())) from failure
    if blob.mime_type.startswith("text/") or blob.mime_type in {"application/xml", "application/json"}:
        return open_text(blob.mime_type, blob.data)
    raise RequestRefused(errors.ERRORS["bad_mime"](Context()))


def _description(model: str) -> dict[str, object]:
    return {"id": model, "object": "model", "created": 1_754_524_800, "owned_by": "system"}


def _ok(body: object) -> Reply:
    headers = {"x-request-id": f"req_{secrets.token_hex(16)}"}
    return Reply(200, json.dumps(body, ensure_ascii=False).encode(), "application/json", headers)
