"""Dropped files and their results in blob storage: versions, conditional writes, listings. The owner of the blob SDK.

A version of a source is its ETag. A result file carries the ETag of the version that it belongs to, and every write
and removal here is conditional on what was seen before, so that a late run cannot undo a newer one.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared_code.blobs.names import error_name, plain_etag, result_name, source_of
from shared_code.errors import ConfigurationError, StorageUnavailable

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, BlobProperties, BlobServiceClient

_log = logging.getLogger(__name__)

_LARGEST_PAGE = 5000
_CHANGED = (409, 412)
_MISSING = 404
_FOLDER_MARK = "hdi_isfolder"


@dataclass(frozen=True, slots=True)
class SourceVersion:
    """One version of a dropped file, without its content. ``etag`` has no quotes; ``size`` is bytes."""

    name: str
    etag: str
    size: int
    modified: datetime
    metadata: Mapping[str, str]
    content_type: str | None = None
    content_md5: bytes | None = field(default=None, repr=False)

    @property
    def is_folder(self) -> bool:
        """Whether it only stands for a folder, as accounts with a hierarchical namespace list them."""
        return any(key.lower() == _FOLDER_MARK for key in self.metadata)


@dataclass(frozen=True, slots=True)
class Record:
    """A result or error file. ``source_etag`` is the version that it belongs to; ``given_up`` marks an error file that
    was written because a passing cause did not pass; ``status`` is that of the extraction, or the error's code.
    """  # noqa: D205 - one thought that needs two lines

    blob_name: str
    etag: str
    source_etag: str
    given_up: bool = False
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """What stands in the result container for one source."""

    result: Record | None
    error: Record | None

    def of(self, version: SourceVersion) -> Record | None:
        """The record of this very version, a result before an error."""
        found = (record for record in (self.result, self.error) if record and record.source_etag == version.etag)
        return next(found, None)


class BlobStore:
    """The two containers. Safe for many threads; every method raises :class:`StorageUnavailable`.

    :param client: makes the service's client; called on first use, so that storage is not needed to start.
    """

    def __init__(self, client: "Callable[[], BlobServiceClient]", *, sources: str, results: str) -> None:
        self._make_client = client
        self._client: BlobServiceClient | None = None
        self.sources_container = sources
        self._results = results

    def version(self, name: str) -> SourceVersion | None:
        """The present version of a source, or None when there is none."""
        with _edge():
            found = _unless_missing(lambda: self._blob(self.sources_container, name).get_blob_properties())
        return None if found is None else _version(found, name)

    def read(self, version: SourceVersion) -> bytes | None:
        """The content of this very version; None when it is gone or overwritten."""
        from azure.core import MatchConditions

        blob = self._blob(self.sources_container, version.name)
        with _edge():
            return _unless_changed(
                lambda: blob.download_blob(
                    etag=f'"{version.etag}"', match_condition=MatchConditions.IfNotModified
                ).readall()
            )

    def records(self, name: str) -> Records:
        """What stands for a source at the moment."""
        return Records(self._record(result_name(name), name), self._record(error_name(name), name))

    def write(
        self, blob_name: str, content: bytes, *, metadata: Mapping[str, str], replaces: Record | None
    ) -> str | None:
        """Write a result file in the place of ``replaces``; its ETag, or None when another write was quicker."""
        from azure.core import MatchConditions
        from azure.storage.blob import ContentSettings

        options: dict[str, Any] = {"overwrite": False}
        if replaces is not None:
            options = {
                "overwrite": True,
                "etag": f'"{replaces.etag}"',
                "match_condition": MatchConditions.IfNotModified,
            }
        settings = ContentSettings(content_type="application/json; charset=utf-8")

        def upload() -> Any:
            blob = self._blob(self._results, blob_name)
            return blob.upload_blob(content, metadata=dict(metadata), content_settings=settings, **options)

        with _edge():
            done = _unless_changed(lambda: self._with_container(self._results, upload))
        return None if done is None else plain_etag(done["etag"])

    def remove(self, blob_name: str, etag: str) -> bool:
        """Remove a result file as it was seen; False when it has changed or is gone."""
        from azure.core import MatchConditions

        def delete() -> bool:
            self._blob(self._results, blob_name).delete_blob(
                etag=f'"{etag}"', match_condition=MatchConditions.IfNotModified
            )
            return True

        with _edge():
            return bool(_unless_changed(delete))

    def sources(self, *, prefix: str | None = None) -> Iterator[SourceVersion]:
        """All dropped files in the order of their names; none when there is no container."""
        from azure.core.exceptions import ResourceNotFoundError

        with _edge():
            container = self._service().get_container_client(self.sources_container)
            listed = container.list_blobs(name_starts_with=prefix, include=["metadata"], results_per_page=_LARGEST_PAGE)
            try:
                for blob in listed:
                    yield _version(blob, str(blob.name))
            except ResourceNotFoundError:
                return

    def drop(self, name: str, content: bytes, *, metadata: Mapping[str, str], overwrite: bool) -> SourceVersion | None:
        """Put a file there; None when one of that name is there and may not be overwritten."""

        def upload() -> Any:
            blob = self._blob(self.sources_container, name)
            return blob.upload_blob(content, metadata=dict(metadata), overwrite=overwrite)

        with _edge():
            done = _unless_changed(lambda: self._with_container(self.sources_container, upload))
        if done is None:
            return None
        return SourceVersion(name, plain_etag(done["etag"]), len(content), done["last_modified"], dict(metadata))

    def read_record(self, record: Record) -> bytes | None:
        """The content of a result file; None when it changed meanwhile."""
        blob = self._blob(self._results, record.blob_name)
        with _edge():
            return _unless_changed(lambda: blob.download_blob().readall())

    def _record(self, blob_name: str, source: str) -> Record | None:
        with _edge():
            found = _unless_missing(lambda: self._blob(self._results, blob_name).get_blob_properties())
        if found is None:
            return None
        metadata = {key.lower(): value for key, value in (found.metadata or {}).items()}
        if source_of(metadata) not in {None, source}:
            _log.error("%r holds the result of another file than %r", blob_name, source)
        return Record(
            blob_name,
            plain_etag(str(found.etag)),
            source_etag=metadata.get("sourceetag", ""),
            given_up=metadata.get("givenup") == "true",
            status=metadata.get("status"),
        )

    def _with_container(self, container: str, work: Callable[[], Any]) -> Any:
        """Run, and make the container first when it is not there."""
        from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

        try:
            return work()
        except ResourceNotFoundError:
            try:
                self._service().create_container(container)
            except ResourceExistsError:
                _log.debug("container %s was made by another process", container)
            return work()

    def _blob(self, container: str, name: str) -> "BlobClient":
        return self._service().get_blob_client(container, name)

    def _service(self) -> "BlobServiceClient":
        if self._client is None:
            try:
                self._client = self._make_client()
            except ValueError as error:
                raise ConfigurationError("AzureWebJobsStorage does not name a storage account") from error
        return self._client


@contextmanager
def _edge() -> Iterator[None]:
    """Turn what the SDK raises into ours."""
    from azure.core.exceptions import AzureError

    try:
        yield
    except (AzureError, OSError) as error:
        raise StorageUnavailable from error


def _unless_missing[T](work: Callable[[], T]) -> T | None:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return work()
    except ResourceNotFoundError:
        return None


def _unless_changed[T](work: Callable[[], T]) -> T | None:
    """None when the condition of a request does not hold (any more), or there is nothing left."""
    from azure.core.exceptions import HttpResponseError

    try:
        return work()
    except HttpResponseError as error:
        if error.status_code in (*_CHANGED, _MISSING):
            return None
        raise


def _version(found: "BlobProperties", name: str) -> SourceVersion:
    settings = found.content_settings
    return SourceVersion(
        name=name,
        etag=plain_etag(str(found.etag)),
        size=int(found.size or 0),
        modified=found.last_modified,
        metadata=dict(found.metadata or {}),
        content_type=settings.content_type if settings else None,
        content_md5=bytes(settings.content_md5) if settings and settings.content_md5 else None,
    )
