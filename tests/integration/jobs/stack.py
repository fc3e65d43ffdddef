"""The running app with the functions that take uploads in, read them later, and give their readings out."""

import base64
import json
from contextlib import suppress
from types import SimpleNamespace

from azure.core.exceptions import ResourceNotFoundError
from sqlalchemy import select

from shared_code.database import tables
from shared_code.jobs.messages import NAME, POISON
from shared_code.web.extract import extract_response, upload_of
from shared_code.web.readings import ReadingRequest, cancel_response, reading_response
from tests.devstack.host.running import wait_for
from tests.integration.blobs.stack import SAMPLES, BlobStack, unique

SAMPLE = SAMPLES / "ghana-vat-invoice.pdf"


class JobStack(BlobStack):
    """A :class:`BlobStack` for uploads that are read later, by the host's functions or, without a host, by hand."""

    FUNCTIONS = (
        "ExtractFunction",
        "ExtractionFunction",
        "ExtractionJobFunction",
        "InvoiceBlobFunction",
        "UsageRollupFunction",
    )

    def document(self):
        """One that nobody has sent before."""
        return unique(SAMPLE)

    def send(self, content=None, *, company="NT047", query="&async=true", kind="application/pdf", **headers):
        """An upload in this process, as ``ExtractFunction`` hands it over."""
        body = self.document() if content is None else content
        upload = {"content_type": kind, "url": f"http://h/api/extract?companyID={company}{query}", "principal": None}
        names = {"prefer": headers.get("prefer"), "idempotency_key": headers.get("idempotency_key")}
        response = extract_response(lambda: self.services, lambda: upload_of(body, **upload, **names), request_id="r-1")
        return _answer(response)

    def get(self, reading_id, query=""):
        return self._ask(reading_response, reading_id, query)

    def cancel(self, reading_id, query=""):
        return self._ask(cancel_response, reading_id, query)

    def _ask(self, respond, reading_id, query):
        wanted = ReadingRequest(reading_id, f"http://h/api/extractions/{reading_id}{query}")
        return _answer(respond(lambda: self.services, wanted, request_id=None))

    def messages(self, queue=NAME):
        """The ids of the jobs in the queue, in its order."""
        try:
            found = self.queues.get_queue_client(queue).peek_messages(max_messages=32)
        except ResourceNotFoundError:
            return []
        return [json.loads(base64.b64decode(message.content))["id"] for message in found]

    def poisoned(self):
        return self.messages(POISON)

    def deliver(self):
        """Work on what the queue holds now, as the platform would; returns what became of each job."""
        done = {}
        with suppress(ResourceNotFoundError):
            queue = self.queues.get_queue_client(NAME)
            for message in list(queue.receive_messages(visibility_timeout=60, max_messages=32)):
                text = base64.b64decode(message.content).decode()
                job_id = json.loads(text)["id"]
                try:
                    done[job_id] = str(self.services.jobs.receive(text).disposition)
                except Exception as error:  # noqa: BLE001 - what the platform would see
                    done[job_id] = type(error).__name__
                    queue.update_message(message, visibility_timeout=0)
                else:
                    queue.delete_message(message)
        return done

    def documents(self, company=""):
        """Names of the blobs that wait, of a company or of all."""
        return [name for name in self.names(NAME) if name.startswith(company)]

    def rows(self, table=tables.jobs, *conditions):
        return self.services.database.read(
            lambda connection: connection.execute(select(table).where(*conditions)).all()
        )

    def wait_until_done(self, host, reading_id, *, seconds=30):
        """The answer of the running host once the reading has ended."""

        def look():
            answer = host.get(f"/api/extractions/{reading_id}")
            return answer if answer.json["data"]["state"] not in {"queued", "running"} else None

        return wait_for(look, seconds=seconds)


def _answer(response):
    body = json.loads(response.body)
    error = body["error"] or {}
    return SimpleNamespace(
        status=response.status_code,
        headers=dict(response.headers),
        body=body,
        data=body["data"],
        code=error.get("code"),
    )
