"""The Gemini API's wire protocol: routes, keys, checks, faults, and a real reading of what was sent."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from devstack.gemini import errors, models
from devstack.gemini.answer import OUTPUT_KINDS, Rates, media_tokens, respond, text_tokens
from devstack.gemini.request import parse_generate
from devstack.http_server import Answer, Request, json_answer
from devstack.models.calls import Call
from devstack.models.documents import Attachment, UnreadableImage, open_image, open_pdf, open_text
from devstack.models.faults import Fault
from devstack.models.questions import Blob, Context, Question, RequestRefused
from devstack.models.reading.pdf_text import TooManyPages, UnreadablePdf
from devstack.models.stand_in import StandIn

_ROUTE = re.compile(r"/(?P<version>v1|v1beta)/models(?:/(?P<model>[^/:]+))?(?::(?P<verb>\w+))?")
_IMAGES = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"})
_TEXTS = frozenset({"text/plain", "text/xml", "text/html", "text/csv", "text/markdown", "application/xml", "text/css"})
_SHORTEST_DEADLINE = 10
_GENERATE = "generateContent"
_HTML_404 = b"<!DOCTYPE html>\n<title>Error 404 (Not Found)!!1</title>\n"


class GeminiStandIn(StandIn):
    """Gemini on loopback.

    :ivar rates: page rate (None = by the model's family) and thoughts of every answer.
    :ivar enforce_deadline: refuse ``X-Server-Timeout`` below 10 s, as the service does.
    """

    refusals = errors.ERRORS
    key_refusals = errors.KEY_ERRORS
    output_kinds = OUTPUT_KINDS
    usage_name = "usageMetadata"

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

    def answer(self, request: Request, call: Call) -> Answer:
        """Serve one request; see the base class."""
        route = _ROUTE.fullmatch(request.path)
        if route is None:
            return Answer(404, _HTML_404, "text/html; charset=UTF-8")
        api_key = request.headers.get("x-goog-api-key") or dict(parse_qsl(request.query)).get("key", "")
        call.model = route["model"]
        call.server_timeout = request.headers.get("x-server-timeout")
        context = Context(api_key, route["model"] or "", route["version"])
        self.check_key(context, call)
        if request.method == "GET":
            return self._list(context)
        self._check_model(context)
        if route["verb"] == _GENERATE and request.method == "POST":
            self._check_deadline(call.server_timeout, context)
            question = parse_generate(context.model, request.body)
            call.max_output_tokens = question.max_output_tokens
            return self.ask(question, context, call)
        if route["verb"] == "countTokens" and request.method == "POST":
            return self._count(parse_generate(context.model, request.body))
        return errors.error(404, "NOT_FOUND", "Method not found.")

    def open(self, blob: Blob) -> Attachment:
        """Open a file; see the base class."""
        try:
            if blob.mime_type == "application/pdf":
                return open_pdf(blob.data)
            if blob.mime_type in _IMAGES:
                return open_image(blob.mime_type, blob.data)
            if blob.mime_type in _TEXTS:
                return open_text(blob.mime_type, blob.data)
        except TooManyPages as error:
            raise _refused("too_many_pages", pages=error.count) from error
        except UnreadablePdf as error:
            raise _refused("no_pages") from error
        except UnreadableImage as error:
            raise _refused("bad_image") from error
        raise _refused("bad_mime", mime_type=blob.mime_type)

    def respond(self, question: Question, attachments: Sequence[Attachment], text: str, fault: Fault | None) -> Any:
        """The body of a billed call; see the base class."""
        return respond(question, attachments, text=text, fault=fault, rates=self.rates)

    def ok(self, body: Any) -> Answer:
        """A success; see the base class."""
        return json_answer(body, indent=2)

    def _list(self, context: Context) -> Answer:
        if context.model:
            self._check_model(context)
            return self.ok(models.description(context.model))
        return self.ok({"models": [models.description(model) for model in models.LISTED]})

    def _check_model(self, context: Context) -> None:
        if context.model in models.CLOSED_TO_NEW_USERS:
            raise RequestRefused(errors.ERRORS["model_gone"](context))
        if context.model not in models.LISTED:
            raise RequestRefused(errors.ERRORS["model_not_found"](context))

    def _count(self, question: Question) -> Answer:
        attachments = [self.open(blob) for blob in question.blobs]
        total = text_tokens(question, attachments) + media_tokens(question, attachments, self.rates)
        return self.ok({"totalTokens": total})

    def _check_deadline(self, seconds: str | None, context: Context) -> None:
        if self.enforce_deadline and seconds and float(seconds) < _SHORTEST_DEADLINE:
            raise _refused("deadline_too_short", model=context.model, seconds=seconds)


def _refused(kind: str, model: str = "", **options: Any) -> RequestRefused:
    return RequestRefused(errors.ERRORS[kind](Context(model=model, options=options)))
