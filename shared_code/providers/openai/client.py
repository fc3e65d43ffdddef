"""OpenAI through its SDK's Responses API: one client for the process, one HTTP call per question.

Only this module imports the SDK. It changes these defaults of the SDK:

* it retries twice by itself, in calls that nobody would book: off;
* organisation, project and headers from the environment would be sent with another company's key: emptied;
* it reads an answer into typed objects and loses the usage of an answer that does not fit: the body is read here.

The SDK and the HTTP library are imported with the first call, because their import is slow.
"""

import base64
import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared_code.errors import ConfigurationError
from shared_code.providers import failures
from shared_code.providers.base import Media, ModelAnswer, ModelCallFailed, ModelRequest
from shared_code.providers.openai.errors import classify
from shared_code.providers.openai.models import MODELS
from shared_code.providers.vendors import plain_name
from shared_code.providers.wait_hints import utc_now
from shared_code.records import Provider

if TYPE_CHECKING:
    import openai

    from shared_code.providers.transport import VendorClient

DEFAULT_BASE_URL = "https://api.openai.com/v1"
#: the key that the client is built with; no call of ours is sent with it
PLACEHOLDER_KEY = "placeholder-never-sent"
#: the service refuses a smaller cap
_SMALLEST_OUTPUT_CAP = 16
_PDF = "application/pdf"


class OpenAIProvider:
    """The OpenAI API. Thread-safe; the SDK is imported and the client built at the first call, once."""

    provider = Provider.OPENAI

    def __init__(self, base_url: str | None = None, *, now: Callable[[], datetime] = utc_now) -> None:
        self._base_url = (base_url or DEFAULT_BASE_URL).rstrip("/")
        self._now = now
        self._lock = threading.Lock()
        self._client: openai.OpenAI | None = None
        self._http: VendorClient | None = None

    def prepare(self) -> None:
        """Import the SDK, build the client and open a connection; see :class:`.ModelProvider`."""
        self._ready_client()
        http = self._http
        if http is not None:
            http.open_connection()

    def generate(self, request: ModelRequest, *, api_key: str, timeout_seconds: float) -> ModelAnswer:
        """Ask once; see :class:`~shared_code.providers.base.ModelProvider`."""
        client, headers = self._for_key(api_key, timeout_seconds)
        from shared_code.providers.openai.answer import read_answer
        from shared_code.providers.transport import guarded

        arguments = _arguments(request)
        body = guarded(
            lambda: client.responses.with_raw_response.create(**arguments, extra_headers=headers).http_response.text,
            self._failure_of,
        )
        return read_answer(body)

    def list_models(self, *, api_key: str, timeout_seconds: float) -> list[str]:
        """Names of the models that the key may use; see :class:`.ModelProvider`."""
        client, headers = self._for_key(api_key, timeout_seconds)
        from shared_code.providers.transport import guarded

        page = guarded(lambda: client.models.list(extra_headers=headers), self._failure_of)
        return [model.id for model in page.data]

    def close(self) -> None:
        """Close idle connections; a later call opens new ones."""
        with self._lock:
            if self._http is not None:
                self._http.close()
            self._client = self._http = None

    def _for_key(self, api_key: str, timeout_seconds: float) -> tuple["openai.OpenAI", dict[str, str]]:
        from shared_code.providers.transport import checked_key

        key = checked_key(api_key)
        client = self._ready_client().with_options(api_key=key, timeout=timeout_seconds, max_retries=0)
        # Each copy reads the environment anew; an organisation from there may be another company's.
        client.organization = None
        client.project = None
        # Also as a header of the call: one from OPENAI_CUSTOM_HEADERS would otherwise replace the key.
        return client, {"Authorization": f"Bearer {key}"}

    def _ready_client(self) -> "openai.OpenAI":
        with self._lock:
            if self._client is None:
                try:
                    self._client = self._build()
                except (ImportError, OSError, ValueError) as error:
                    # The environment names certificates that cannot be read.
                    raise ConfigurationError("The OpenAI client cannot be built.") from failures.fault_of(error)
            return self._client

    def _build(self) -> "openai.OpenAI":
        import openai

        from shared_code.providers.transport import VendorClient

        self._http = VendorClient(self._base_url)
        return openai.OpenAI(api_key=PLACEHOLDER_KEY, base_url=self._base_url, max_retries=0, http_client=self._http)

    def _failure_of(self, error: Exception) -> ModelCallFailed | None:
        import openai

        from shared_code.providers.transport import classify_transport

        if isinstance(error, openai.APIStatusError):
            code = error.code or error.type
            headers = error.response.headers
            return classify(error.status_code, code, error.message, headers=headers, now=self._now())
        if isinstance(error, openai.APIConnectionError):
            # The transport's own exception, which says whether anything was sent, is the SDK's cause.
            return classify_transport(error.__cause__ or error)
        return None


def _arguments(request: ModelRequest) -> dict[str, Any]:
    info = MODELS.info(request.model)
    content = [*(_content(media) for media in request.media), {"type": "input_text", "text": request.prompt}]
    arguments: dict[str, Any] = {
        "model": plain_name(request.model),
        "input": [{"role": "user", "content": content}],
        "text": {"format": {"type": "json_schema", "name": "invoices", "schema": dict(request.schema), "strict": True}},
        "max_output_tokens": max(_SMALLEST_OUTPUT_CAP, min(request.max_output_tokens, info.output_limit)),
        # The vendor shall not keep the companies' documents for later calls.
        "store": False,
    }
    if request.system:
        arguments["instructions"] = request.system
    if isinstance(info.thinking, str):
        arguments["reasoning"] = {"effort": info.thinking}
    return arguments


def _content(media: Media) -> dict[str, str]:
    url = f"data:{media.mime_type};base64,{base64.b64encode(media.data).decode('ascii')}"
    if media.mime_type == _PDF:
        return {"type": "input_file", "filename": _pdf_name(media.name), "file_data": url}
    return {"type": "input_image", "image_url": url, "detail": "high"}


def _pdf_name(name: str) -> str:
    """The service tells the type of a file by its ending."""
    return name if name.lower().endswith(".pdf") else f"{name}.pdf"
