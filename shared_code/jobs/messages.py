"""What the queue holds of a job: the name of its document's blob and its id, and nothing of the document.

A message is base64 of JSON, as the platform's queue trigger reads it (host.json, ``messageEncoding``); the function
gets the text behind the base64, and the poison queue the message as it was sent.
"""

import base64
import binascii
import json
from contextlib import suppress

from shared_code.labels import is_reading_id

#: the queue and the container have one name
NAME = "extraction-jobs"
POISON = f"{NAME}-poison"
#: stands for the one version that a job's document has
VERSION = "job"


def message_of(job_id: str, blob_name: str) -> str:
    """The message of a job."""
    return base64.b64encode(json.dumps({"name": blob_name, "id": job_id}).encode()).decode()


def job_in(text: str) -> str | None:
    """The id in a message's text; None when it holds none."""
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
        job_id = found.get("id") if isinstance(found, dict) else None
        if isinstance(job_id, str) and is_reading_id(job_id):
            return job_id
    return None


def poisoned_job(content: str) -> tuple[str, str] | None:
    """Which job a message of the poison queue is about, and its version; None when it is about none."""
    with suppress(binascii.Error, ValueError):
        job_id = job_in(base64.b64decode(content, validate=True).decode())
        return None if job_id is None else (job_id, VERSION)
    return None
