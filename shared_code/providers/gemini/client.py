"""Gemini through google-genai: one client for the process, one HTTP call per question.

Only this module and :mod:`.sdk_config` import the SDK. These of its defaults are changed, each for a reason seen:

* it retries and continues answers by itself, in calls that nobody would book: both are off;
* an empty key falls back to a key from the environment, which another company would pay for: refused before;
* the environment can switch it to Vertex, another base URL or another API version: all three are set here;
* it reads an answer into typed objects and drops what does not fit, the usage with it: the body is read here;
* it makes typed objects of a request, checks them and takes them apart again, which takes longer than to send it: the
  body is written here, in the form of the API, and handed over as ``extra_body``;
* a header for the key in other capitals than its own is overruled by the client's own key: the key goes into exactly
  ``x-goog-api-key``.

The SDK and the HTTP library are imported with the first call, because their import is slow.
"""

import base64
import math
import threading
from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from shared_code.errors import ConfigurationError
from shared_code.providers import failures
from shared_code.providers.base import ModelAnswer, ModelCallFailed, ModelRequest
from shared_code.providers.gemini.models import MODELS
from shared_code.providers.vendors import plain_name
from shared_code.providers.wait_hints import utc_now
from shared_code.records import Provider

if TYPE_CHECKING:
    from google import genai
    from google.genai import types

    from shared_code.providers.transport import VendorClient

DEFAULT_BASE_URL = "https://generativelanguage.googleapis.com"
DEFAULT_API_VERSION = "v1beta"
#: the key that the client is built with; no call of ours is sent with it
PLACEHOLDER_KEY = "placeholder-never-sent"
_KEY_HEADER = "x-goog-api-key"
#: seconds; the service refuses a shorter deadline
_SHORTEST_SERVER_SECONDS = 10
_MOST_MODELS = 5000


class GeminiProvider:
    """The Gemini API. Thread-safe; the SDK is imported and the client built at the first call, once."""

    provider = Provider.GEMINI

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_version: str = DEFAULT_API_VERSION,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._base_url = (base_url or DEFAULT_BASE_URL).rstrip("/")
        self._api_version = api_version
        self._now = now
        self._lock = threading.Lock()
        self._client: genai.Client | None = None
        self._http: VendorClient | None = None

    def prepare(self) -> None:
        """Import the SDK, build the client and open a connection; see :class:`.ModelProvider`."""
        self._ready_client()
        http = self._http
        if http is not None:
            http.open_connection()

    def generate(self, request: ModelRequest, *, api_key: str, timeout_seconds: float) -> ModelAnswer:
        """Ask once; see :class:`~shared_code.providers.base.ModelProvider`."""
        from shared_code.providers.gemini.answer import read_answer
        from shared_code.providers.transport import checked_key, guarded

        key = checked_key(api_key)
        client = self._ready_client()
        from shared_code.providers.gemini.sdk_config import NO_CONTENT, ONE_QUESTION

        options = _http_options(key, timeout_seconds, body=_body(request))
        config = ONE_QUESTION.model_copy(update={"http_options": options})
        response = guarded(
            lambda: client.models.generate_content(model=plain_name(request.model), contents=NO_CONTENT, config=config),
            self._failure_of,
        ).sdk_http_response
        return read_answer(response.body if response else None)

    def list_models(self, *, api_key: str, timeout_seconds: float) -> list[str]:
        """Names of the models that the key may use, without ``models/``; see :class:`.ModelProvider`."""
        from shared_code.providers.transport import checked_key, guarded

        key = checked_key(api_key)
        client = self._ready_client()
        from google.genai import types

        config = types.ListModelsConfig(page_size=1000, http_options=_http_options(key, timeout_seconds))
        found = guarded(lambda: list(islice(client.models.list(config=config), _MOST_MODELS)), self._failure_of)
        return [plain_name(model.name) for model in found if model.name]

    def close(self) -> None:
        """Close idle connections; a later call opens new ones."""
        with self._lock:
            if self._http is not None:
                self._http.close()
            self._client = self._http = None

    def _ready_client(self) -> "genai.Client":
        with self._lock:
            if self._client is None:
                try:
                    self._client = self._build()
                except (ImportError, OSError, ValueError) as error:
                    # The environment names certificates or an HTTP library that are not there.
                    raise ConfigurationError("The Gemini client cannot be built.") from failures.fault_of(error)
            return self._client

    def _build(self) -> "genai.Client":
        from google import genai
        from google.genai import types

        from shared_code.providers.transport import VendorClient

        self._http = VendorClient(self._base_url)
        return genai.Client(
            api_key=PLACEHOLDER_KEY,
            vertexai=False,
            http_options=types.HttpOptions(
                base_url=self._base_url,
                api_version=self._api_version,
                httpx_client=self._http,
                # For clients that nothing is asked with; without, the SDK reads all certificates twice more.
                client_args={"verify": self._http.tls},
                async_client_args={"verify": self._http.tls, "ssl": self._http.tls},
                retry_options=types.HttpRetryOptions(attempts=1),
            ),
        )

    def _failure_of(self, error: Exception) -> ModelCallFailed | None:
        from google.genai import errors as sdk_errors

        from shared_code.providers.gemini.errors import classify
        from shared_code.providers.transport import text_or_none

        if not isinstance(error, sdk_errors.APIError):
            return None
        return classify(
            int(error.code or 0),
            text_or_none(error.status),
            text_or_none(error.message),
            error.details,
            headers=getattr(error.response, "headers", None) or {},
            now=self._now(),
        )


def _http_options(key: str, timeout_seconds: float, *, body: dict[str, Any] | None = None) -> "types.HttpOptions":
    from google.genai import types

    server_seconds = max(_SHORTEST_SERVER_SECONDS, math.ceil(timeout_seconds))
    return types.HttpOptions(
        timeout=max(1, math.ceil(timeout_seconds * 1000)),
        headers={_KEY_HEADER: key, "X-Server-Timeout": str(server_seconds)},
        extra_body=body,
    )


def _body(request: ModelRequest) -> dict[str, Any]:
    """The members of the request as the API has them (ai.google.dev/api/generate-content)."""
    info = MODELS.info(request.model)
    generation = {
        "maxOutputTokens": min(request.max_output_tokens, info.output_limit),
        "responseMimeType": "application/json",
        "responseJsonSchema": request.schema,
        **_thinking(info.thinking),
    }
    body: dict[str, Any] = {"contents": [{"parts": _parts(request), "role": "user"}], "generationConfig": generation}
    if request.system is not None:
        body["systemInstruction"] = {"parts": [{"text": request.system}], "role": "user"}
    return body


def _thinking(setting: int | str | None) -> dict[str, Any]:
    """A budget or a level; the service refuses both together."""
    if setting is None:
        return {}
    name, value = ("thinkingBudget", setting) if isinstance(setting, int) else ("thinkingLevel", setting.upper())
    return {"thinkingConfig": {name: value}}


def _parts(request: ModelRequest) -> list[dict[str, Any]]:
    """The document first, then the question: the order that the vendor advises for a single document."""
    parts: list[dict[str, Any]] = [
        {"inlineData": {"data": base64.urlsafe_b64encode(media.data).decode("ascii"), "mimeType": media.mime_type}}
        for media in request.media
    ]
    return [*parts, {"text": request.prompt}]
