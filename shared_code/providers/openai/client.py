"""OpenAI through its SDK's Responses API: one client for the process, one HTTP call per question.

The only importer of the SDK. What is set aside of its defaults: it retries twice on its own (unseen, unbooked calls);
organisation, project and headers from the environment would travel with another company's key; its typed reading
loses the usage of an answer that does not fit, so the body is read here.
"""

import base64
import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared_code.errors import ConfigurationError
from shared_code.providers import failures
from shared_code.providers.base import Media, ModelAnswer, ModelCallFailed, ModelRequest
from shared_code.providers.catalog import model_info, plain_name
from shared_code.providers.failures import checked_key
from shared_code.providers.openai.client.answer import read_answer
from shared_code.providers.openai.client.errors import classify
from shared_code.providers.wait_hints import utc_now
from shared_code.records import Provider

if TYPE_CHECKING:
    import httpx2
    import openai

DEFAULT_BASE_URL = "https://api.openai.com/v1"
#: what the client itself is built with; no call of ours is sent with it
PLACEHOLDER_KEY = "placeholder-never-sent"
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
        self._http: httpx2.Client | None = None

    def generate(self, request: ModelRequest, *, api_key: str, timeout_seconds: float) -> ModelAnswer:
        """Ask once; see :class:`~shared_code.providers.base.ModelProvider`."""
        client, headers = self._for_key(checked_key(api_key), timeout_seconds)
        arguments = _arguments(request)
        body = self._guarded(
            lambda: client.responses.with_raw_response.create(**arguments, extra_headers=headers).http_response.text
        )
        return read_answer(body)

    def list_models(self, *, api_key: str, timeout_seconds: float) -> list[str]:
        """Names of the models that the key may use; costs no tokens."""
        client, headers = self._for_key(checked_key(api_key), timeout_seconds)
        page = self._guarded(lambda: client.models.list(extra_headers=headers))
        return [model.id for model in page.data]

    def close(self) -> None:
        """Close idle connections; a later call opens new ones."""
        with self._lock:
            if self._http is not None:
                self._http.close()
            self._client = self._http = None

    def _for_key(self, key: str, timeout_seconds: float) -> tuple["openai.OpenAI", dict[str, str]]:
        client = self._ready_client().with_options(api_key=key, timeout=timeout_seconds, max_retries=0)
        # Each copy reads the environment anew, and another company's organisation does not go with this key.
        client.organization = None
        client.project = None
        # Also as a header of the call: one from OPENAI_CUSTOM_HEADERS would otherwise win over the key.
        return client, {"Authorization": f"Bearer {key}"}

    def _ready_client(self) -> "openai.OpenAI":
        client = self._client
        if client is not None:
            return client
        with self._lock:
            if self._client is None:
                try:
                    self._build()
                except (ImportError, OSError, ValueError) as error:
                    # Certificates in the environment that cannot be read.
                    raise ConfigurationError("The OpenAI client cannot be built.") from failures.fault_of(error)
            assert self._client is not None
            return self._client

    def _build(self) -> None:
        import openai

        from shared_code.providers.transport import build_http_client

        self._http = build_http_client(self._base_url)
        self._client = openai.OpenAI(
            api_key=PLACEHOLDER_KEY, base_url=self._base_url, max_retries=0, http_client=self._http
        )

    def _guarded[T](self, call: Callable[[], T]) -> T:
        """Run one SDK call; whatever it raises leaves as :class:`ModelCallFailed`, without the SDK's objects."""
        import openai

        from shared_code.providers.transport import TRANSPORT_ERRORS, classify_transport, lower_case_headers

        failure: ModelCallFailed
        try:
            return call()
        except openai.APIStatusError as error:
            failure = classify(
                error.status_code,
                error.code or error.type,
                error.message,
                headers=lower_case_headers(error.response),
                now=self._now(),
            )
            cause = failures.fault_of(error)
        except openai.APIConnectionError as error:
            # The transport's own exception, which says whether anything was sent, is the SDK's cause.
            failure, cause = classify_transport(error.__cause__ or error), failures.fault_of(error)
        except TRANSPORT_ERRORS as error:
            failure, cause = classify_transport(error), failures.fault_of(error)
        except Exception as error:  # noqa: BLE001 - an answer that the SDK stumbles over is billed all the same
            failure = failures.BROKEN_ANSWER.failure(vendor_text=f"{type(error).__name__}: {error}")
            cause = failures.fault_of(error)
        # Raised out here, where Python does not hang the SDK's exception on as context.
        raise failure from cause


def _arguments(request: ModelRequest) -> dict[str, Any]:
    info = model_info(request.model)
    content = [*(_content(media) for media in request.media), {"type": "input_text", "text": request.prompt}]
    arguments: dict[str, Any] = {
        "model": plain_name(request.model),
        "input": [{"role": "user", "content": content}],
        "text": {"format": {"type": "json_schema", "name": "invoices", "schema": dict(request.schema), "strict": True}},
        "max_output_tokens": max(_SMALLEST_OUTPUT_CAP, min(request.max_output_tokens, info.output_limit)),
        # Documents of companies are not kept at the vendor's for later calls.
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
    """The service goes by the ending."""
    return name if name.lower().endswith(".pdf") else f"{name}.pdf"
