"""The documents of jobs, in a container of blob storage, until their job has ended.

A blob lies in its company's folder under the id of the job. What came with the upload stands in its metadata, which is
ASCII: percent-encoded.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from shared_code.blobs.containers import BlobAccount, ask_blob
from shared_code.blobs.kept_documents import path_of
from shared_code.extraction.submission import Submission
from shared_code.jobs.messages import NAME
from shared_code.labels import is_reading_id
from shared_code.records import Source

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

#: of a label that only people read; names of files may be longer
_LONGEST_HINT = 200


@dataclass(frozen=True, slots=True)
class JobDocument:
    """A document that waits, and what came with it. ``fields`` are those of the upload form."""

    content: bytes = field(repr=False)
    fields: Mapping[str, str | None]
    force: bool
    request_id: str | None
    source: Source
    file_name: str | None
    content_type: str | None


class JobDocuments:
    """The container. Safe for many threads.

    Every method raises :class:`errors.StorageUnavailable` when storage does not answer,
    :class:`errors.BlobUnavailable` when it answers but refuses this one blob, and :class:`errors.ConfigurationError`
    when the settings name no storage account.

    :param client: makes the service's client; called on first use, so that storage is not needed to start.
    """

    def __init__(self, client: "Callable[[], BlobServiceClient]") -> None:
        self._account = BlobAccount(client)

    def put(self, submission: Submission) -> None:
        """Keep the document of a job until it has ended."""
        from azure.storage.blob import ContentSettings

        caller = submission.identity.caller
        # A browser that gets these bytes must not run them, whatever they are.
        kind = ContentSettings(content_type="application/octet-stream")
        self._account.upload(
            NAME,
            blob_name(caller.company_id, submission.reading_id),
            bytes(submission.data),
            _metadata(submission),
            content_settings=kind,
            overwrite=True,
        )

    def read(self, company_id: str, job_id: str) -> JobDocument | None:
        """The document; None when it is gone."""
        blob = self._account.blob(NAME, blob_name(company_id, job_id))
        found = ask_blob(blob.download_blob)
        content = None if found is None else ask_blob(found.readall)
        if found is None or content is None:
            return None
        said = {key.lower(): unquote(value) for key, value in (found.properties.metadata or {}).items()}
        return JobDocument(
            content,
            fields={name: said.get(name.lower()) for name in _FIELDS},
            force=said.get("force") == "true",
            request_id=said.get("requestid"),
            source=Source(said.get("source", Source.HTTP)),
            file_name=said.get("filename"),
            content_type=said.get("contenttype"),
        )

    def remove(self, company_id: str, job_id: str) -> bool:
        """Remove the document; False when it is gone."""
        return self._account.delete(NAME, blob_name(company_id, job_id), None)

    def older_than(self, moment: datetime) -> Iterator[tuple[str, str]]:
        """Company and job of each document that was put there before a moment (aware)."""
        for blob in self._account.listed(NAME):
            company, _, job_id = str(blob.name).rpartition("/")
            company_id = company.removesuffix("~")
            if blob.last_modified < moment and is_reading_id(job_id) and blob_name(company_id, job_id) == blob.name:
                yield company_id, job_id


def blob_name(company_id: str, job_id: str) -> str:
    """Where the document of a job stands."""
    return path_of(company_id, job_id)


_FIELDS = ("companyID", "username", "branch", "licenceID", "model", "lines")


def _metadata(submission: Submission) -> dict[str, str]:
    caller = submission.identity.caller
    said = {
        "companyid": caller.company_id,
        "username": caller.username,
        "branch": caller.branch,
        "licenceid": caller.licence_id,
        "model": submission.model,
        "lines": "required" if submission.lines_required else None,
        "force": "true" if submission.force else None,
        "requestid": submission.identity.request_id,
        "source": submission.identity.source.value,
        "filename": (submission.file_name or "")[-_LONGEST_HINT:],
        "contenttype": (submission.content_type or "")[:_LONGEST_HINT],
    }
    return {key: quote(value, safe=" ", errors="surrogatepass") for key, value in said.items() if value}
