"""Dropped files and their results in blob storage: versions, conditional writes, listings.

A version of a source is its ETag. A result file carries the ETag of the version that it belongs to, and every write
and removal here is conditional on what was seen before, so that a late run cannot undo a newer one.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from shared_code.blobs.clients import ask_storage
from shared_code.blobs.containers import BlobAccount, ask_blob, unchanged
from shared_code.blobs.names import error_name, plain_etag, result_name, source_of
from shared_code.errors import BlobUnavailable

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties, BlobServiceClient

_log = logging.getLogger(__name__)

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
        """Whether it only stands for a folder, as accounts with a hierarchical namespace, and some tools, make them."""
        marked = any(key.lower() == _FOLDER_MARK and value.lower() != "false" for key, value in self.metadata.items())
        return marked or (self.name.endswith("/") and self.size == 0)


@dataclass(frozen=True, slots=True)
class Record:
    """A result or error file.

    :ivar source: name of the file that it belongs to, and ``source_etag`` the version of it; '' when it does not say.
    :ivar given_up: marks an error file that was written because a passing cause did not pass.
    :ivar status: that of the extraction, or the error's code.
    :ivar company_id: whose document it is, and ``sha256`` which one; None when it does not say.
    :ivar metadata: all of it, with names in lower case.
    """

    blob_name: str
    etag: str
    source: str
    source_etag: str
    given_up: bool = False
    status: str | None = None
    company_id: str | None = None
    sha256: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


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
    """The two containers. Safe for many threads.

    Every method raises :class:`errors.StorageUnavailable` when storage does not answer,
    :class:`errors.BlobUnavailable` when it answers but refuses this one blob, and :class:`errors.ConfigurationError`
    when the settings name no storage account.

    :param client: makes the service's client; called on first use, so that storage is not needed to start.
    """

    def __init__(self, client: "Callable[[], BlobServiceClient]", *, sources: str, results: str) -> None:
        self._account = BlobAccount(client)
        self.sources_container = sources
        self._results = results

    def version(self, name: str) -> SourceVersion | None:
        """The present version of a source, or None when there is none."""
        found = ask_blob(lambda: self._account.blob(self.sources_container, name).get_blob_properties())
        return None if found is None else _version(found, name)

    def read(self, version: SourceVersion) -> bytes | None:
        """The content of this very version; None when it is gone or overwritten."""
        blob = self._account.blob(self.sources_container, version.name)
        return ask_blob(lambda: blob.download_blob(**unchanged(version.etag)).readall())

    def records(self, name: str) -> Records:
        """What stands for a source at the moment."""
        return Records(self._record(result_name(name), name), self._record(error_name(name), name))

    def write(
        self, blob_name: str, content: bytes, *, metadata: Mapping[str, str], replaces: Record | None
    ) -> str | None:
        """Write a result file in the place of ``replaces``; its ETag, or None when another write was quicker."""
        from azure.storage.blob import ContentSettings

        done = self._account.upload(
            self._results,
            blob_name,
            content,
            metadata,
            content_settings=ContentSettings(content_type="application/json; charset=utf-8"),
            overwrite=replaces is not None,
            **(unchanged(replaces.etag) if replaces is not None else {}),
        )
        return None if done is None else plain_etag(done["etag"])

    def all_records(self) -> Iterator[Record]:
        """All result and error files in the order of their names; none when there is no container."""
        for blob in self._account.listed(self._results):
            yield _record_of(blob, str(blob.name))

    def erase_record(self, record: Record) -> bool:
        """Remove a result file as it was seen; False when it has changed or is gone."""
        return self._account.delete(self._results, record.blob_name, record.etag)

    def erase_source(self, name: str, etag: str) -> bool:
        """Remove a version of a dropped file; False when it was overwritten or is gone."""
        return self._account.delete(self.sources_container, name, etag)

    def remove(self, blob_name: str, etag: str) -> None:
        """Remove a result file as it was seen; one that has changed, is gone or cannot be removed is left alone."""
        try:
            self._account.delete(self._results, blob_name, etag)
        except BlobUnavailable as error:
            _log.warning("%r could not be removed: %s", blob_name, error.message)

    def ask(self) -> None:
        """Whether storage answers for the container of sources at all: raises :class:`errors.StorageUnavailable`."""
        container = self._account.container(self.sources_container)
        ask_storage(lambda: next(container.list_blobs(results_per_page=1).by_page(), None))

    def sources(self, *, prefix: str | None = None) -> Iterator[SourceVersion]:
        """All dropped files in the order of their names; none when there is no container."""
        for blob in self._account.listed(self.sources_container, prefix=prefix):
            yield _version(blob, str(blob.name))

    def drop(self, name: str, content: bytes, *, metadata: Mapping[str, str], overwrite: bool) -> SourceVersion | None:
        """Put a file there; None when one of that name is there and may not be overwritten."""
        done = self._account.upload(self.sources_container, name, content, metadata, overwrite=overwrite)
        if done is None:
            return None
        return SourceVersion(name, plain_etag(done["etag"]), len(content), done["last_modified"], dict(metadata))

    def read_record(self, record: Record) -> bytes | None:
        """The content of a result file; None when it changed meanwhile."""
        return ask_blob(lambda: self._account.blob(self._results, record.blob_name).download_blob().readall())

    def _record(self, blob_name: str, source: str) -> Record | None:
        found = ask_blob(lambda: self._account.blob(self._results, blob_name).get_blob_properties())
        if found is None:
            return None
        record = _record_of(found, blob_name)
        if record.source not in {"", source}:
            _log.error("%r holds the result of another file than %r", blob_name, source)
        return record


def _record_of(found: "BlobProperties", blob_name: str) -> Record:
    metadata = {key.lower(): value for key, value in (found.metadata or {}).items()}
    return Record(
        blob_name,
        plain_etag(str(found.etag)),
        source=source_of(metadata) or "",
        source_etag=metadata.get("sourceetag", ""),
        given_up=metadata.get("givenup") == "true",
        status=metadata.get("status"),
        company_id=metadata.get("companyid"),
        sha256=metadata.get("documentsha256"),
        metadata=metadata,
    )


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
