"""The OpenAI API's wire protocol as far as it is used: ``POST /v1/responses`` and ``GET /v1/models``."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from devstack.http_server import Answer, Request, json_answer
from devstack.models.calls import Call
from devstack.models.documents import Attachment, UnreadableImage, open_image, open_pdf, open_text
from devstack.models.faults import Fault
from devstack.models.questions import Blob, Context, Question, RequestRefused
from devstack.models.reading.pdf_text import UnreadablePdf
from devstack.models.stand_in import StandIn
from devstack.openai import errors, media
from devstack.openai.answer import OUTPUT_KINDS, respond
from devstack.openai.request import parse_responses

_IMAGES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})


class OpenAIStandIn(StandIn):
    """OpenAI on loopback; give the SDK ``url`` + ``/v1``. ``thoughts`` are the reasoning tokens of every answer."""

    refusals = errors.ERRORS
    key_refusals = errors.KEY_ERRORS
    output_kinds = OUTPUT_KINDS
    usage_name = "usage"

    def __init__(self, *, port: int = 0, latency_ms: float = 0, thoughts: int = 0) -> None:
        super().__init__(port=port, latency_ms=latency_ms)
        self.thoughts = thoughts

    def answer(self, request: Request, call: Call) -> Answer:
        """Serve one request; see the base class."""
        scheme, _, api_key = request.headers.get("authorization", "").partition(" ")
        context = Context(api_key.strip() if scheme.lower() == "bearer" else "")
        self.check_key(context, call)
        if request.method == "GET" and request.path.startswith("/v1/models"):
            return self._list(request.path.removeprefix("/v1/models").strip("/"))
        if request.method == "POST" and request.path == "/v1/responses":
            question = parse_responses(request.body)
            call.model = question.model
            call.max_output_tokens = question.max_output_tokens
            _check_model(question.model)
            return self.ask(question, replace(context, model=question.model), call)
        return errors.error(404, f"Invalid URL ({request.method} {request.path})")

    def open(self, blob: Blob) -> Attachment:
        """Open a file; see the base class."""
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

    def respond(self, question: Question, attachments: Sequence[Attachment], text: str, fault: Fault | None) -> Any:
        """The body of a billed call; see the base class."""
        return respond(question, attachments, text=text, fault=fault, reasoning=self.thoughts)

    def ok(self, body: Any) -> Answer:
        """A success; see the base class."""
        return json_answer(body, headers=(("x-request-id", f"req_{secrets.token_hex(16)}"),))

    def _list(self, model: str) -> Answer:
        if not model:
            return self.ok({"object": "list", "data": [_description(name) for name in media.LISTED]})
        _check_model(model)
        return self.ok(_description(model))


def _check_model(model: str) -> None:
    if model not in media.LISTED:
        raise RequestRefused(errors.ERRORS["model_not_found"](Context(model=model)))


def _description(model: str) -> dict[str, object]:
    return {"id": model, "object": "model", "created": 1_754_524_800, "owned_by": "system"}
