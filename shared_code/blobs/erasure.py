"""Erases what storage holds of one document of a company: its copy, results of dropped files, and poison messages.

Files have names, which may name people, so nothing here is found by a name that is stored elsewhere: a result file says
whose document it holds, and those that do not say it yet are found by the label under which their version was booked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared_code.blobs.conditions import FAILED, POISONED
from shared_code.blobs.kept_documents import KeptDocuments
from shared_code.blobs.names import alert_subject, version_label
from shared_code.blobs.poison_queue import PoisonMessage, PoisonQueue
from shared_code.blobs.recent_pages import RecentPages
from shared_code.blobs.store import BlobStore, Record
from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions import blob_answers
from shared_code.database.stores.operations import alerts

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database


@dataclass(frozen=True, slots=True)
class ErasedBlobs:
    """How much was erased.

    :ivar sources: dropped files themselves, when that was asked for.
    :ivar names: of the dropped files that held the document; rows about them are the caller's to erase.
    """

    copies: int
    results: int
    poison_messages: int
    sources: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BlobErasure:
    """Erases blobs and messages. One for the process; a second run finds what a failed one has left.

    :ivar recent: pictures of pages in this process's memory; those of others are not shown any more, and go soon.
    """

    database: "Database"
    store: BlobStore
    documents: KeptDocuments
    poison: PoisonQueue
    recent: RecentPages

    def erase(self, company_id: str, sha256: str, *, with_source: bool = False) -> ErasedBlobs:
        """Erase everything that storage holds of a document.

        The document's readings must be marked as erased before, so that a copy that waits in another process does not
        come back; its usage rows must still be there, because results are found by them. A dropped file stays unless
        it is asked for, and is not read again: its version counts as answered. What the account keeps by soft delete
        or versioning of its own stays there.

        :param company_id: in upper case.
        :raises errors.StorageUnavailable, errors.DatabaseUnavailable: ask again; what is erased by then stays erased.
        :raises errors.BlobUnavailable: storage protects one of the files, by a lease or a policy.
        :raises errors.ConfigurationError: the settings name no storage account.
        """
        self.recent.forget((company_id, sha256))
        booked = self.database.read(lambda connection: blob_answers.labels_of(connection, company_id, sha256))
        records = [record for record in self.store.all_records() if _is_of(record, company_id, sha256, booked)]
        versions = {(record.source, record.source_etag) for record in records if record.source}
        versions |= {
            (source.name, source.etag)
            for source in self.store.sources()
            if version_label(source.name, source.etag) in booked
        }
        messages, poisoned = self._poisoned(booked | {version_label(*version) for version in versions})
        versions |= poisoned
        self._count_as_answered(versions)
        return ErasedBlobs(
            copies=int(self.documents.erase(company_id, sha256)),
            results=sum(self.store.erase_record(record) for record in records),
            poison_messages=messages,
            sources=sum(self.store.erase_source(*version) for version in versions) if with_source else 0,
            names=tuple(sorted({name for name, _ in versions})),
        )

    def _poisoned(self, labels: set[str]) -> tuple[int, set[tuple[str, str]]]:
        """Delete the messages about versions with these labels: how many there were, and which versions."""
        others: list[PoisonMessage] = []
        deleted, versions = 0, set()
        try:
            while messages := self.poison.take():
                for message in messages:
                    if version_label(message.name, message.etag) in labels:
                        self.poison.delete(message)
                        deleted += 1
                        versions.add((message.name, message.etag))
                    else:
                        others.append(message)
        finally:
            for message in others:
                self.poison.release(message)
        return deleted, versions

    def _count_as_answered(self, versions: set[tuple[str, str]]) -> None:
        """Keep the sweep from reading files again that have lost their result, and forget the alerts about them."""
        labels: Sequence[str] = [version_label(*version) for version in sorted(versions)]

        # Not closed, which the log and the telemetry would tell under the name of the file.
        subjects = sorted({alert_subject(name) for name, _ in versions})

        def note(connection: "Connection") -> None:
            for label in labels:
                blob_answers.note_written(connection, label)
            alerts.delete_about(connection, (FAILED, POISONED), subjects)

        self.database.run(note, on_unknown=repeatable)


def _is_of(record: Record, company_id: str, sha256: str, labels: set[str]) -> bool:
    if record.sha256 is not None:
        return (record.company_id, record.sha256) == (company_id, sha256)
    return bool(record.source) and version_label(record.source, record.source_etag) in labels
