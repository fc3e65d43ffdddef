"""Gemini through google-genai: one client for the process, one HTTP call per question.

The only importer of the SDK. Its defaults that are set aside here, each for a reason that was seen:

* it retries and continues answers on its own, unseen calls that nobody books: both off;
* an empty key falls back to a key from the environment, which another company would pay for: refused before;
* the environment can switch it to Vertex, another base URL or API version: all three are given;
* it reads an answer into typed objects and drops what does not fit, the usage with it: the body is read here;
* a header in other capitals than its own loses to the client's: the key goes into exactly ``x-goog-api-key``.
"""

import math
import threading
from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from shared_code.errors import ConfigurationError
from shared_code.providers import failures
from shared_code.providers.base import ModelAnswer, ModelCallFailed, ModelRequest
from shared_code.providers.catalog import model_info, plain_name
from shared_code.providers.failures import checked_key
from shared_code.providers.gemini.client.answer import read_answer
from shared_code.providers.gemini.client.errors import classify
from shared_code.providers.wait_hints import utc_now
from shared_code.records import Provider

if TYPE_CHECKING:
    import httpx2
    from google import genai
    from google.genai import types

DEFAULT_BASE_URL = "https://generativelanguage.googleapis.com"
DEFAULT_API_VERSION = "v1beta"
#: what the client itself is built with; no call of ours is sent with it
PLACEHOLDER_KEY = "placeholder-never-sent"
_KEY_HEADER = "x-goog-api-key"
#: the service refuses a shorter deadline
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
        self._http: httpx2.Client | None = None

    def generate(self, request: ModelRequest, *, api_key: str, timeout_seconds: float) -> ModelAnswer:
        """Ask once; see :class:`~shared_code.providers.base.ModelProvider`."""
        key = checked_key(api_key)
        client = self._ready_client()
        config = _config(request, key, timeout_seconds)
        body = self._guarded(
            lambda: client.models.generate_content(
                model=plain_name(request.model), contents=_contents(request), config=config
            )
        ).sdk_http_response
        return read_answer(body.body if body else None)

    def list_models(self, *, api_key: str, timeout_seconds: float) -> list[str]:
        """Names of the models that the key may use, without ``models/``; costs no tokens."""
        key = checked_key(api_key)
        client = self._ready_client()
        from google.genai import types

        config = types.ListModelsConfig(page_size=1000, http_options=_http_options(key, timeout_seconds))
        found = self._guarded(lambda: list(islice(client.models.list(config=config), _MOST_MODELS)))
        return [plain_name(model.name) for model in found if model.name]

    def close(self) -> None:
        """Close idle connections; a later call opens new ones."""
        with self._lock:
            if self._http is not None:
                self._http.close()
            self._client = self._http = None

    def _ready_client(self) -> "genai.Client":
        client = self._client
        if client is not None:
            return client
        with self._lock:
            if self._client is None:
                try:
                    self._build()
                except (ImportError, OSError, ValueError) as error:
                    # Certificates or a choice of HTTP library in the environment that cannot be followed.
                    raise ConfigurationError("The Gemini client cannot be built.") from failures.fault_of(error)
            assert self._client is not None
            return self._client

    def _build(self) -> None:
        from google import genai
        from google.genai import types

        from shared_code.providers.transport import build_http_client

        self._http = build_http_client(self._base_url)
        self._client = genai.Client(
            api_key=PLACEHOLDER_KEY,
            vertexai=False,
            http_options=types.HttpOptions(
                base_url=self._base_url,
                api_version=self._api_version,
                httpx_client=self._http,
                retry_options=types.HttpRetryOptions(attempts=1),
            ),
        )

    def _guarded[T](self, call: Callable[[], T]) -> T:
        """Run one SDK call; whatever it raises leaves as :class:`ModelCallFailed`, without the SDK's objects."""
        from google.genai import errors as sdk_errors

        from shared_code.providers.transport import TRANSPORT_ERRORS, classify_transport, lower_case_headers

        failure: ModelCallFailed
        try:
            return call()
        except sdk_errors.APIError as error:
            failure = classify(
                int(error.code or 0),
                error.status if isinstance(error.status, str) else None,
                error.message if isinstance(error.message, str) else None,
                error.details,
                headers=lower_case_headers(error.response),
                now=self._now(),
            )
            cause = failures.fault_of(error)
        except TRANSPORT_ERRORS as error:
            failure, cause = classify_transport(error), failures.fault_of(error)
        except Exception as error:  # noqa: BLE001 - an answer that the SDK stumbles over is billed all the same
            failure = failures.BROKEN_ANSWER.failure(vendor_text=f"{type(error).__name__}: {error}")
            cause = failures.fault_of(error)
        # Raised out here, where Python does not hang the SDK's exception on as context.
        raise failure from cause


def _config(request: ModelRequest, key: str, timeout_seconds: float) -> "types.GenerateContentConfig":
    from google.genai import types

    info = model_info(request.model)
    return types.GenerateContentConfig(
        http_options=_http_options(key, timeout_seconds),
        should_return_http_response=True,
        automatic_continuation=False,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        system_instruction=request.system,
        max_output_tokens=min(request.max_output_tokens, info.output_limit),
        response_mime_type="application/json",
        response_json_schema=dict(request.schema),
        thinking_config=_thinking(info.thinking),
    )


def _http_options(key: str, timeout_seconds: float) -> "types.HttpOptions":
    from google.genai import types

    server_seconds = max(_SHORTEST_SERVER_SECONDS, math.ceil(timeout_seconds))
    return types.HttpOptions(
        timeout=max(1, math.ceil(timeout_seconds * 1000)),
        headers={_KEY_HEADER: key, "X-Server-Timeout": str(server_seconds)},
    )


def _thinking(setting: int | str | None) -> "types.ThinkingConfig | None":
    """One of budget and level; both together are refused."""
    from google.genai import types

    if setting is None:
        return None
    if isinstance(setting, int):
        return types.ThinkingConfig(thinking_budget=setting)
    return types.ThinkingConfig(thinking_level=types.ThinkingLevel(setting.upper()))


def _contents(request: ModelRequest) -> Any:
    """The document first, then the question: the order that the vendor advises for a single document."""
    from google.genai import types

    parts = [types.Part.from_bytes(data=media.data, mime_type=media.mime_type) for media in request.media]
    return [types.Content(role="user", parts=[*parts, types.Part.from_text(text=request.prompt)])]
