"""Clients of blob and queue storage, from a connection string or from identity settings as the platform names them.

``AzureWebJobsStorage`` holds a connection string (``UseDevelopmentStorage=true`` is Azurite), or
``AzureWebJobsStorage__blobServiceUri`` and ``__queueServiceUri``, or ``__accountName``, name the services for a managed
identity.
"""

import logging
import os
from typing import TYPE_CHECKING, Any

from shared_code.errors import ConfigurationError
from shared_code.settings import Settings

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient
    from azure.storage.queue import QueueClient

_SETTING = "AzureWebJobsStorage"
#: seconds
_TIMEOUTS = {"connection_timeout": 3, "read_timeout": 20}
#: seconds between the SDK's own tries; left alone, it waits 15 s before the second one
_PATIENCE = {"initial_backoff": 1, "increment_base": 2, "random_jitter_range": 1}


def storage_configured(settings: Settings) -> bool:
    """Whether any storage is named."""
    named = (f"{_SETTING}__blobServiceUri", f"{_SETTING}__accountName")
    return settings.azurewebjobsstorage is not None or any(os.environ.get(name) for name in named)


def queue_client(settings: Settings, queue: str, *, decoded: bool = True) -> "QueueClient":
    """A queue whose messages are base64 text, as the platform's own triggers write them.

    :param decoded: off for a queue that others write to as well: one message that is no base64 would make the whole
        batch unreadable.
    """
    from azure.storage.queue import QueueClient, TextBase64DecodePolicy, TextBase64EncodePolicy

    from shared_code.observability.storage_spans import TracedTransport

    coding = {"message_encode_policy": TextBase64EncodePolicy(), "message_decode_policy": TextBase64DecodePolicy()}
    options: dict[str, Any] = {
        **(coding if decoded else {}),
        "transport": TracedTransport("queue", **_TIMEOUTS),
        "retry_total": 1,
        **_PATIENCE,
        "logger": _quiet(),
    }
    if settings.azurewebjobsstorage is not None:
        return QueueClient.from_connection_string(
            _connection_string(settings.azurewebjobsstorage.get_secret_value()), queue, **options
        )
    return QueueClient(_service_uri("queue"), queue, credential=_credential(), **options)


def blob_service_client(settings: Settings) -> "BlobServiceClient":
    """The blob service."""
    from azure.storage.blob import BlobServiceClient

    from shared_code.observability.storage_spans import TracedTransport

    options: dict[str, Any] = {
        "transport": TracedTransport("blob", **_TIMEOUTS),
        "retry_total": 2,
        **_PATIENCE,
        "logger": _quiet(),
    }
    if settings.azurewebjobsstorage is not None:
        return BlobServiceClient.from_connection_string(
            _connection_string(settings.azurewebjobsstorage.get_secret_value()), **options
        )
    return BlobServiceClient(_service_uri("blob"), credential=_credential(), **options)


def _quiet() -> logging.Logger:
    """Where the SDK logs each request with all its headers: below warnings, nobody reads that."""
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


def _credential() -> Any:
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(managed_identity_client_id=os.environ.get(f"{_SETTING}__clientId"))
