"""Storage accounts as settings name them: a connection string, or the identity form ``X__blobServiceUri``.

The clients are the host's own: their request log is silent (the real host is another program), they give up quickly
(every caller here tries again by itself), and they never go through a proxy to this machine's own storage.
"""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devstack.host.errors import FunctionProblem
from devstack.host.settings import AppSettings

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError
    from azure.storage.blob import BlobServiceClient, ContainerClient
    from azure.storage.queue import QueueServiceClient

HOST_CONNECTION = "AzureWebJobsStorage"
HOST_CONTAINER = "azure-webjobs-hosts"
NO_HOST_STORAGE = (
    "Missing value for AzureWebJobsStorage in local.settings.json. This is required for all triggers other than "
    "httptrigger. Specify a connection string in local.settings.json (UseDevelopmentStorage=true for Azurite), or "
    "AzureWebJobsStorage__blobServiceUri and AzureWebJobsStorage__queueServiceUri for an identity."
)
_LOOPBACK = ("127.0.0.1", "localhost", "usedevelopmentstorage=true")
_CONNECT_SECONDS, _READ_SECONDS = 5, 60


@dataclass(frozen=True)
class StorageAccount:
    """The two services of an account that the host uses."""

    blobs: "BlobServiceClient"
    queues: "QueueServiceClient"

    @property
    def host_container(self) -> "ContainerClient":
        """Where receipts, locks and timer status are kept."""
        return self.blobs.get_container_client(HOST_CONTAINER)

    def ensure_host_container(self) -> None:
        """Create it on first use. Raises AzureError when storage does not answer."""
        from azure.core.exceptions import ResourceExistsError

        try:
            self.host_container.create_container()
        except ResourceExistsError:
            return


def is_configured(settings: AppSettings, connection: str) -> bool:
    """Whether any setting names this storage account."""
    return bool(_connection_string(settings, connection) or _identity(settings, connection))


def open_account(settings: AppSettings, connection: str) -> StorageAccount:
    """Clients for the account behind a connection name; nothing is sent yet. Raises :class:`FunctionProblem`."""
    from azure.storage.blob import BlobServiceClient
    from azure.storage.queue import QueueServiceClient

    text = _connection_string(settings, connection)
    if text:
        options = _options(text)
        try:
            return StorageAccount(
                BlobServiceClient.from_connection_string(text, **options),
                QueueServiceClient.from_connection_string(text, **options),
            )
        except ValueError as error:
            raise FunctionProblem(f"The connection string in '{connection}' is not valid: {error}") from error
    identity = _identity(settings, connection)
    if not identity:
        raise FunctionProblem(f"Storage account connection string '{connection}' does not exist.")
    blob_uri = _service_uri(identity, "blob", connection)
    queue_uri = _service_uri(identity, "queue", connection)
    credential = _credential(identity)
    return StorageAccount(
        BlobServiceClient(blob_uri, credential=credential, **_options(blob_uri)),
        QueueServiceClient(queue_uri, credential=credential, **_options(queue_uri)),
    )


def explain(error: "AzureError") -> str:
    """A storage error for people: what was not reached, or what it refused."""
    code = getattr(error, "error_code", None)
    if str(code).endswith("InvalidHeaderValue"):
        return "storage refuses the API version of this SDK; start Azurite with --skipApiVersionCheck"
    status = getattr(error, "status_code", None)
    if status is not None:
        return f"storage answered {status} {code or ''}".rstrip()
    return f"storage cannot be reached ({str(error).splitlines()[0]}). Is Azurite running?"


def _connection_string(settings: AppSettings, connection: str) -> str | None:
    return settings.get(f"AzureWebJobs{connection}") or settings.get(connection)


def _identity(settings: AppSettings, connection: str) -> dict[str, str]:
    return settings.section(f"AzureWebJobs{connection}") or settings.section(connection)


def _service_uri(identity: dict[str, str], service: str, connection: str) -> str:
    if identity.get(f"{service}serviceuri"):
        return identity[f"{service}serviceuri"]
    if service == "blob" and identity.get("serviceuri"):
        return identity["serviceuri"]
    if identity.get("accountname"):
        return f"https://{identity['accountname']}.{service}.core.windows.net"
    raise FunctionProblem(f"Neither '{connection}' nor '{connection}__{service}ServiceUri' is set.")


def _credential(identity: dict[str, str]) -> Any:
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    client_id = identity.get("clientid")
    if identity.get("credential", "").casefold() == "managedidentity":
        return ManagedIdentityCredential(client_id=client_id)
    return DefaultAzureCredential(managed_identity_client_id=client_id)


def _options(target: str) -> dict[str, Any]:
    quiet = logging.getLogger("devstack.host.storage")
    quiet.setLevel(logging.ERROR)
    return {
        "logger": quiet,
        "retry_total": 1,
        "initial_backoff": 0,
        "increment_base": 1,
        "random_jitter_range": 1,
        "connection_timeout": _CONNECT_SECONDS,
        "read_timeout": _READ_SECONDS,
        "use_env_settings": not any(mark in target.casefold() for mark in _LOOPBACK),
    }
