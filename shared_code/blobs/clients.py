"""Clients of blob and queue storage, from a connection string or from identity settings as the platform names them.

``AzureWebJobsStorage`` holds a connection string (``UseDevelopmentStorage=true`` is Azurite), or
``AzureWebJobsStorage__blobServiceUri`` and ``__queueServiceUri``, or ``__accountName``, name the services for a managed
identity.
"""

import logging
import os
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from shared_code.azure_login import azure_credential
from shared_code.errors import ConfigurationError, StorageUnavailable
from shared_code.settings import Settings

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError
    from azure.storage.blob import BlobServiceClient
    from azure.storage.queue import QueueClient

_SETTING = "AzureWebJobsStorage"
#: seconds
_TIMEOUTS = {"connection_timeout": 3, "read_timeout": 20}
#: seconds between the SDK's own tries; left alone, it waits 15 s before the second one
_BACKOFF = {"initial_backoff": 1, "increment_base": 2, "random_jitter_range": 1}

_NOT_FOUND = 404
_SERVER_FAULT = 500
#: not logged in, time-out, too many requests
_NOT_NOW = frozenset({401, 408, 429})
#: Microsoft Learn, "Common REST API error codes" of Azure Storage
_ACCOUNT_CODES = frozenset({"AuthenticationFailed", "AccountIsDisabled", "InvalidAuthenticationInfo"})


def storage_configured(settings: Settings) -> bool:
    """Whether any storage is named."""
    named = (f"{_SETTING}__blobServiceUri", f"{_SETTING}__accountName")
    return settings.azurewebjobsstorage is not None or any(os.environ.get(name) for name in named)


def queue_client(settings: Settings, queue: str) -> "QueueClient":
    """A queue, whose messages come and go as they are.

    The platform's triggers write base64. It is not left to the SDK to decode it: one message that is no base64 would
    make the whole page unreadable.

    :raises ConfigurationError: no queue service is named.
    """
    from azure.storage.queue import QueueClient

    client: QueueClient = _client(QueueClient, settings, "queue", queue, retry_total=1)
    return client


def blob_service_client(settings: Settings, *, retries: int = 2) -> "BlobServiceClient":
    """The blob service.

    :param retries: tries of one request beside the first, where the service is away.
    :raises ConfigurationError: no blob service is named.
    """
    from azure.storage.blob import BlobServiceClient

    client: BlobServiceClient = _client(BlobServiceClient, settings, "blob", retry_total=retries)
    return client


def ask_storage[T](
    ask: Callable[[], T], *, settled: Collection[str] = (), refused: type[StorageUnavailable] = StorageUnavailable
) -> T | None:
    """The answer of a request to storage; None when what it is about is not there.

    :param settled: storage's error codes that mean that somebody else was quicker: None as well.
    :param refused: what is raised when storage answers, but not for what this request is about.
    :raises StorageUnavailable: storage was not reached, or refuses everything.
    """
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        return ask()
    except HttpResponseError as error:
        code = _code_of(error)
        if error.status_code == _NOT_FOUND or code in settled:
            return None
        if _is_about_all(error.status_code, code):
            raise StorageUnavailable from error
        raise refused(f"{refused.default_message} ({code or error.status_code})") from error
    except (AzureError, OSError) as error:
        raise StorageUnavailable from error


def _code_of(error: "HttpResponseError") -> str:
    """Storage's code of an error. The SDK gives those that it knows as an enum, whose ``str`` is another text."""
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))


def _is_about_all(status: int | None, code: str) -> bool:
    """Whether another request to the same account would be refused too."""
    return status is None or status >= _SERVER_FAULT or status in _NOT_NOW or code in _ACCOUNT_CODES


def _client(kind: Any, settings: Settings, service: str, *names: str, **options: Any) -> Any:
    """A client class of the SDK, connected as the settings say. ``names`` follow the account in its arguments."""
    from shared_code.observability.storage_spans import TracedTransport

    options |= {"transport": TracedTransport(service, **_TIMEOUTS), **_BACKOFF, "logger": _quiet()}
    if settings.azurewebjobsstorage is not None:
        connection_string = _connection_string(settings.azurewebjobsstorage.get_secret_value())
        return kind.from_connection_string(connection_string, *names, **options)
    return kind(_service_uri(service), *names, credential=azure_credential(_client_id()), **options)


def _quiet() -> logging.Logger:
    """The SDK's logger, from warnings up: below, it logs each request with all its headers."""
    logger = logging.getLogger(f"{__name__}.requests")
    logger.setLevel(logging.WARNING)
    return logger


def _connection_string(value: str) -> str:
    """``UseDevelopmentStorage=true`` means the emulator's well-known account, which the SDK does not expand itself."""
    if value.strip().rstrip(";").lower() != "usedevelopmentstorage=true":
        return value
    # The emulator's published account and key: the same on every machine, no secret.
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    account = "devstoreaccount1"
    endpoints = "".join(
        f"{kind}Endpoint=http://127.0.0.1:{port}/{account};"
        for kind, port in (("Blob", 10000), ("Queue", 10001), ("Table", 10002))
    )
    return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};{endpoints}"


def _service_uri(kind: str) -> str:
    uri, account = os.environ.get(f"{_SETTING}__{kind}ServiceUri"), os.environ.get(f"{_SETTING}__accountName")
    if uri:
        return uri
    if account:
        return f"https://{account}.{kind}.core.windows.net"
    raise ConfigurationError(f"Neither {_SETTING} nor {_SETTING}__{kind}ServiceUri nor __accountName is set")


def _client_id() -> str | None:
    """Of the user-assigned identity; the system-assigned one is meant where none is named."""
    return os.environ.get(f"{_SETTING}__clientId") or None
