"""Blobs of one storage account: the requests that the stores of blobs share. The owner of the blob SDK.

Every method and function here raises :class:`errors.StorageUnavailable` when storage does not answer,
:class:`errors.BlobUnavailable` when it answers but refuses this one blob, and :class:`errors.ConfigurationError` when
the settings name no storage account.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from shared_code.blobs.clients import ask_storage
from shared_code.errors import BlobUnavailable, ConfigurationError, StorageUnavailable

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, BlobProperties, BlobServiceClient, ContainerClient

_LARGEST_PAGE = 5000
#: storage's codes of a request whose condition does not hold any more. Others with the same status (archived, leased,
#: protected by a policy) do not pass by asking again.
_CHANGED = frozenset({"ConditionNotMet", "TargetConditionNotMet", "BlobAlreadyExists"})


class BlobAccount:
    """A storage account. Safe for many threads.

    :param client: makes the service's client; called on first use, so that storage is not needed to start.
    """

    def __init__(self, client: "Callable[[], BlobServiceClient]") -> None:
        self._client = cache(client)

    def blob(self, container: str, name: str) -> "BlobClient":
        """One blob; asks nothing."""
        return self._service().get_blob_client(container, name)

    def container(self, name: str) -> "ContainerClient":
        """One container; asks nothing."""
        return self._service().get_container_client(name)

    def upload(
        self, container: str, name: str, content: bytes, metadata: Mapping[str, str], **options: Any
    ) -> Mapping[str, Any] | None:
        """Write a blob, into a new container when there is none; None when the options' condition does not hold."""
        from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

        def upload() -> Mapping[str, Any]:
            return self.blob(container, name).upload_blob(content, metadata=dict(metadata), **options)

        def upload_into_container() -> Mapping[str, Any]:
            try:
                return upload()
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):  # another process was quicker
                    self._service().create_container(container)
                return upload()

        return ask_blob(upload_into_container)

    def delete(self, container: str, name: str, etag: str | None) -> bool:
        """Remove a blob as it was seen, its snapshots too; False when it has changed or is gone.

        :param etag: None = whatever version is there.
        """
        condition = {} if etag is None else unchanged(etag)

        def delete() -> bool:
            self.blob(container, name).delete_blob(delete_snapshots="include", **condition)
            return True

        return ask_blob(delete) or False

    def listed(self, container: str, *, prefix: str | None = None) -> "Iterator[BlobProperties]":
        """All blobs of a container with their metadata, by name; none when there is no container."""
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        try:
            yield from self.container(container).list_blobs(
                name_starts_with=prefix, include=["metadata"], results_per_page=_LARGEST_PAGE
            )
        except ResourceNotFoundError:
            return
        except (AzureError, OSError) as error:
            raise StorageUnavailable from error

    def page(self, container: str, *, token: str | None, size: int) -> "tuple[list[BlobProperties], str | None]":
        """At most ``size`` blobs of a container in the order of their names, and the token of the next page.

        The SDK's own retries are off: whoever goes through pages comes again.

        :param token: of the page; None is the first one. A token of None in the answer says that this is the last one.
        """

        def page() -> "tuple[list[BlobProperties], str | None]":
            pages = self.container(container).list_blobs(results_per_page=size, retry_total=0).by_page(token)
            found = list(next(pages, ()))
            return found, pages.continuation_token or None  # type: ignore[attr-defined]

        return ask_blob(page) or ([], None)

    def _service(self) -> "BlobServiceClient":
        try:
            return self._client()
        except ValueError as error:
            raise ConfigurationError("AzureWebJobsStorage does not name a storage account") from error


def ask_blob[T](ask: Callable[[], T]) -> T | None:
    """The answer about one blob; None when it is not there, or has changed since it was looked at."""
    return ask_storage(ask, settled=_CHANGED, refused=BlobUnavailable)


def unchanged(etag: str) -> dict[str, Any]:
    """Options of a request that holds only for this version."""
    from azure.core import MatchConditions

    return {"etag": f'"{etag}"', "match_condition": MatchConditions.IfNotModified}
