"""Finds the bytes of a document that somebody wants to see: the copy that is kept, else the dropped file itself.

A dropped file is known by the label of its version, which the reading was booked with. Where it lies is not stored: its
name may name a person. The reading's own words (company, branch, name of the file) say where it most likely is, and a
part of the container is gone through where it is not there.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from shared_code.blobs.kept_documents import KeptDocuments
from shared_code.blobs.names import version_label
from shared_code.blobs.store import BlobStore, SourceVersion
from shared_code.database.stores.extractions import blob_answers
from shared_code.database.stores.extractions.viewed_documents import ViewedDocument
from shared_code.errors import BlobUnavailable
from shared_code.records import Source

if TYPE_CHECKING:
    from shared_code.database.connection import Database

#: dropped files of a folder that are looked through: four pages of a listing
_MOST_LISTED = 20_000


@dataclass(frozen=True, slots=True)
class DocumentSources:
    """Where documents are. One for the process.

    :ivar has_storage: whether the settings name a storage account.
    """

    database: "Database"
    documents: KeptDocuments
    store: BlobStore
    has_storage: bool

    def read(self, viewed: ViewedDocument) -> bytes | None:
        """The document as it came in; None when it is not there any more, or never was kept.

        :raises errors.StorageUnavailable, errors.BlobUnavailable: storage does not answer, or does not give it out.
        """
        if not self.has_storage:
            return None
        kept = self.documents.read(viewed.company_id, viewed.sha256)
        if kept is not None or viewed.source != Source.BLOB.value:
            return kept
        return self._dropped(viewed)

    def _dropped(self, viewed: ViewedDocument) -> bytes | None:
        labels = self.database.read(
            lambda connection: blob_answers.labels_of(connection, viewed.company_id, viewed.sha256)
        )
        for version in self._candidates(viewed) if labels else ():
            if version_label(version.name, version.etag) in labels:
                content = self.store.read(version)
                if content is not None and hashlib.sha256(content).hexdigest() == viewed.sha256:
                    return content
        return None

    def _candidates(self, viewed: ViewedDocument) -> Iterator[SourceVersion]:
        """Versions of dropped files, the likeliest first."""
        company, label = viewed.company_id, viewed.file_label
        if label:
            folders: tuple[list[str | None], ...] = ([company, viewed.branch], [company], [])
            for folder in folders:
                version = self._version("/".join([*(part for part in folder if part), label]))
                if version is not None:
                    yield version
        yield from islice(self.store.sources(prefix=f"{company}/"), _MOST_LISTED)
        # Folders in other letters, and files whose company stands in their metadata.
        yield from islice(self.store.sources(), _MOST_LISTED)

    def _version(self, name: str) -> SourceVersion | None:
        try:
            return self.store.version(name)
        except BlobUnavailable:  # a name that storage does not take, made of words for people
            return None
