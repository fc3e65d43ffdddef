"""The Gemini API's wire protocol: routes, keys, checks, faults, and a real reading of what was sent."""

import json
import re
from typing import ClassVar

from devstack.gemini import errors, models
from devstack.gemini.answer import OUTPUT_KINDS, Rates, media_tokens, read, respond, text_tokens
from devstack.gemini.errors import Context, RequestRefused
from devstack.gemini.request import Blob, GenerateRequest, parse_generate
from devstack.models.calls import Call, key_hash
from devstack.models.documents import Attachment, UnreadableImage, open_image, open_pdf, open_text
from devstack.models.faults import Fault
from devstack.models.keys import OK
from devstack.models.reading.pdf_text import TooManyPages, UnreadablePdf
from devstack.models.server import Reply, Request
from devstack.models.stand_in import StandIn

_ROUTE = re.compile(r"/(?P<version>v1|v1beta)/models(?:/(?P<model>[^/:]+))?(?::(?P<verb>\w+))?")
_IMAGES = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"})
_TEXTS = frozenset({"text/plain", "text/xml", "text/html", "text/csv", "text/markdown", "application/xml", "text/css"})
_SHORTEST_DEADLINE = 10
_GENERATE = "generateContent"


class GeminiStandIn(StandIn):
    """Gemini on loopback.

    :ivar rates: page rate (None = by the model's family) and thoughts of every answer.
    :ivar enforce_deadline: refuse ``X-Server-Timeout`` below 10 s, as the service does.
    """

    kinds: ClassVar[frozenset[str]] = frozenset(errors.ERRORS) | OUTPUT_KINDS
    states: ClassVar[frozenset[str]] = frozenset(errors.KEY_ERRORS)

    def __init__(
        self,
        *,
        port: int = 0,
        latency_ms: float = 0,
        page_rate: int | None = None,
        thoughts: int = 0,
        enforce_deadline: bool = False,
    ) -> None:
        super().__init__(port=port, latency_ms=latency_ms)
        self.rates = Rates(page_rate, thoughts)
        self.enforce_deadline = enforce_deadline

    def answer(self, request: Request, call: Call) -> Reply:
        """Serve one request; see the base class."""
        route = _ROUTE.fullmatch(request.path)
        if route is None:
            return Reply(404, b"<!DOCTYPE html>\n<title>Error 404 (Not Found)!!1</title>\n", "text/html; charset=UTF-8")
        api_key = request.headers.get("x-goog-api-key") or request.query.get("key") or ""
        model = route["model"] or ""
        call.model = model or None
        call.server_timeout = request.headers.get("X-Server-Timeout")
        context = Context(api_key, model, route["version"])
        try:
            self._check_key(context, call)
            if request.method == "GET":
                return self._list(context)
            self._check_model(context)
            if route["verb"] == _GENERATE and request.method == "POST":
                return self._generate(request, context, call)
            if route["verb"] == "countTokens" and request.method == "POST":
                return self._count(request, context)
        except RequestRefused as refused:
            return refused.reply
        return errors.error(404, "NOT_FOUND", "Method not found.")

    def _check_key(self, context: Context, call: Call) -> None:
        if not context.api_key:
            raise RequestRefused(errors.ERRORS[errors.NO_KEY](context))
        call.key_hash = key_hash(context.api_key)
        state = self.keys.state(call.key_hash)
        if state != OK:
            call.fault = state
            raise RequestRefused(errors.KEY_ERRORS[state](context))

    def _list(self, context: Context) -> Reply:
        if context.model:
            self._check_model(context)
            return _ok(models.description(context.model))
        return _ok({"models": [models.description(model) for model in models.LISTED]})

    def _check_model(self, context: Context) -> None:
        if context.model in models.CLOSED_TO_NEW_USERS:
            raise RequestRefused(errors.ERRORS["model_gone"](context))
        if context.model not in models.LISTED:
            raise RequestRefused(errors.ERRORS["model_not_found"](context))

    def _generate(self, request: Request, context: Context, call: Call) -> Reply:
        self._check_deadline(request, context)
        question = parse_generate(context.model, request.body)
        call.max_output_tokens = question.max_output_tokens
        fault = self.script.take(call.key_hash, context.model)
        if fault:
            call.fault = fault.kind
            self.wait(fault.delay_seconds)
            if fault.kind in errors.ERRORS:
                return errors.ERRORS[fault.kind](
                    Context(context.api_key, context.model, context.version, fault.options)
                )
            reply = self.transport_fault(fault, lambda: self._billed(question, call, None))
            if reply:
                return reply
        return self._billed(question, call, fault)

    def _billed(self, question: GenerateRequest, call: Call, fault: Fault | None) -> Reply:
        attachments = [_open(blob) for blob in question.blobs]
        call.parts = [
            *({"text_chars": len(text)} for text in question.texts),
            *(
                {"mime_type": blob.mime_type, "bytes": len(blob.data), "pages": len(attachment.pages)}
                for blob, attachment in zip(question.blobs, attachments, strict=True)
            ),
        ]
        text = read(question, attachments, blind=fault is not None and fault.kind == "blind")
        body = respond(question, attachments, text=text, fault=fault, rates=self.rates)
        call.usage = body.get("usageMetadata")
        return _ok(body)

    def _count(self, request: Request, context: Context) -> Reply:
        question = parse_generate(context.model, request.body)
        attachments = [_open(blob) for blob in question.blobs]
        total = text_tokens(question, attachments) + media_tokens(question, attachments, self.rates)
        return _ok({"totalTokens": total})

    def _check_deadline(self, request: Request, context: Context) -> None:
        seconds = request.headers.get("X-Server-Timeout")
        if self.enforce_deadline and seconds and float(seconds) < _SHORTEST_DEADLINE:
            options = {"seconds": seconds}
            raise RequestRefused(errors.ERRORS["deadline_too_short"](Context(model=context.model, options=options)))


def _open(blob: Blob) -> Attachment:
    try:
        if blob.mime_type == "application/pdf":
            return open_pdf(blob.data)
        if blob.mime_type in _IMAGES:
            return open_image(blob.mime_type, blob.data)
        if blob.mime_type in _TEXTS:
            return open_text(blob.mime_type, blob.data)
    except TooManyPages as error:
        raise RequestRefused(errors.ERRORS["too_many_pages"](Context(options={"pages": error.count}))) from error
    except UnreadablePdf as error:
        raise RequestRefused(errors.ERRORS["no_pages"](Context())) from error
    except UnreadableImage as error:
        raise RequestRefused(errors.ERRORS["bad_image"](Context())) from error
    raise RequestRefused(errors.ERRORS["bad_mime"](Context(options={"mime_type": blob.mime_type})))


def _ok(body: object) -> Reply:
    return Reply(200, json.dumps(body, ensure_ascii=False, indent=2).encode())
