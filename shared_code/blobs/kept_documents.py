"""Copies of documents in the container ``invoice-documents``: whoever looks at a reading sees what was read.

A copy is found by company and SHA-256, never by the name of the file, which may name a person. Nothing but the bytes is
stored with it; its age is the time since the document was last read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared_code.blobs.containers import BlobAccount, ask_blob
from shared_code.blobs.names import plain_etag

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties, BlobServiceClient

CONTAINER = "invoice-documents"
#: readings of one document at once that take turns in making and renewing its copy
_ROUNDS = 3
_DIGEST_LENGTH = 64
#: options of a request that whoever asked for it makes again
_ONCE: dict[str, Any] = {"retry_total": 0}
#: behind a company whose last character is a dot, which no part of a path may end with; no company id has this one
_AFTER_DOT = "~"


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """A copy without its content. ``modified`` (aware, UTC) is when the document was last read; ``size`` is bytes."""

    company_id: str
    sha256: str
    etag: str
    size: int
    modified: datetime


class KeptDocuments:
    """The container of copies. Safe for many threads.

    Every method raises :class:`errors.StorageUnavailable` when storage does not answer,
    :class:`errors.BlobUnavailable` when it answers but refuses this one copy, and :class:`errors.ConfigurationError`
    when the settings name no storage account. Company ids are in upper case, as callers hold them.

    :param client: makes the service's client; called on first use, so that storage is not needed to start.
    """

    def __init__(self, client: "Callable[[], BlobServiceClient]") -> None:
        self._account = BlobAccount(client)

    def keep(self, company_id: str, sha256: str, content: bytes) -> None:
        """Store a copy, or renew the age of the one that is there. The SDK's own retries are off."""
        from azure.storage.blob import ContentSettings

        name = path_of(company_id, sha256)
        # A browser that gets these bytes must not run them, whatever they are.
        kind = ContentSettings(content_type="application/octet-stream")
        for _ in range(_ROUNDS):
            new = self._account.upload(CONTAINER, name, content, {}, content_settings=kind, overwrite=False, **_ONCE)
            if new is not None or self._renew(name):
                return

    def read(self, company_id: str, sha256: str) -> bytes | None:
        """The document; None when no copy of it is kept."""
        blob = self._account.blob(CONTAINER, path_of(company_id, sha256))
        return ask_blob(lambda: blob.download_blob().readall())

    def remove(self, document: KeptDocument) -> bool:
        """Remove a copy as it was seen; False when it was renewed meanwhile, or is gone."""
        return self._account.delete(CONTAINER, path_of(document.company_id, document.sha256), document.etag)

    def erase(self, company_id: str, sha256: str) -> bool:
        """Remove the copy of a document, however young it is; False when there is none."""
        return self._account.delete(CONTAINER, path_of(company_id, sha256), None)

    def page(self, token: str | None, *, size: int) -> tuple[list[KeptDocument], str | None]:
        """Some of the copies, company by company, and the token of the next page; None = this is the last one.

        :param token: None for the first page.
        """
        blobs, following = self._account.page(CONTAINER, token=token, size=size)
        found = (_document(str(blob.name), blob) for blob in blobs)
        return [document for document in found if document is not None], following

    def _renew(self, name: str) -> bool:
        """Make the copy as young as a new one; False when it is gone."""
        return ask_blob(lambda: self._account.blob(CONTAINER, name).set_blob_metadata({}, **_ONCE)) is not None


def path_of(company_id: str, sha256: str) -> str:
    """Where the copy of a document stands.

    Storage asks for parts of a path that do not end with a dot (Microsoft Learn, "Naming and referencing containers,
    blobs, and metadata"), and HTTP clients take the parts ``.`` and ``..`` away; a company id may be any of these.
    """
    return f"{company_id}{_AFTER_DOT if company_id.endswith('.') else ''}/{sha256}"


def _document(name: str, found: "BlobProperties") -> KeptDocument | None:
    """None for a blob that somebody else has put into the container."""
    company, _, sha256 = name.partition("/")
    company_id = company.removesuffix(_AFTER_DOT)
    if len(sha256) != _DIGEST_LENGTH or path_of(company_id, sha256) != name:
        return None
    return KeptDocument(company_id, sha256, plain_etag(str(found.etag)), int(found.size or 0), found.last_modified)
