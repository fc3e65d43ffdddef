"""What is written beside a dropped file: its result or its failure, and the metadata by which each is found again."""

import json
from dataclasses import dataclass
from typing import Any

from shared_code import api_response
from shared_code.blobs.names import company_of, source_metadata, version_label
from shared_code.blobs.store import SourceVersion
from shared_code.database.stores.reviews.review_rows import DECIDED, NONE
from shared_code.errors import ServiceError
from shared_code.extraction.outcome import AnswerData

#: in the content and in the metadata of a result: a person has decided about its values
REVIEWED = "reviewed"


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """What is to be written for one version. ``error`` is None for a result.

    :ivar sha256: of the document; None when it was refused before it was read.
    :ivar reading_id: of the reading that a result shows, and ``review_state`` of its review then.
    """

    content: bytes
    status: str
    sha256: str | None
    error: ServiceError | None = None
    given_up: bool = False
    reading_id: str | None = None
    review_state: str = NONE

    def metadata(self, version: SourceVersion) -> dict[str, str]:
        """As the file's metadata, which is ASCII."""
        document = (
            {"companyid": company_of(version.name, version.metadata), "documentsha256": self.sha256}
            if self.sha256
            else {}
        )
        return {
            **source_metadata(version.name),
            **document,
            "sourceetag": version.etag,
            "sourcemodified": version.modified.isoformat(),
            "status": self.status,
            **({"givenup": "true"} if self.given_up else {}),
            **({REVIEWED: "true"} if self.review_state in DECIDED else {}),
        }


def success(version: SourceVersion, container: str, message: str, data: AnswerData) -> AnswerFile:
    """The result of a version of a file in ``container``."""
    label = version_label(version.name, version.etag)
    envelope = api_response.format_api_response(message, data=data, request_id=label)
    return AnswerFile(
        _content(envelope | _reviewed(data), version, container),
        data["status"],
        data["provenance"]["sha256"],
        reading_id=data["id"],
        review_state=data["review"]["state"],
    )


def decided(content: bytes, message: str, data: AnswerData) -> bytes:
    """The content of a result once a person has decided about its reading; what else stands in it stays."""
    envelope = json.loads(content) | {"message": message, "data": data} | _reviewed(data)
    return json.dumps(envelope, ensure_ascii=False, default=str).encode()


def _reviewed(data: AnswerData) -> dict[str, bool]:
    return {REVIEWED: True} if data["review"]["state"] in DECIDED else {}


def failure(
    version: SourceVersion, container: str, error: ServiceError, *, sha256: str | None = None, given_up: bool = False
) -> AnswerFile:
    """The failure of a version of a file in ``container``."""
    answered = api_response.failure(error, request_id=version_label(version.name, version.etag))
    content = _content(json.loads(answered.body), version, container)
    return AnswerFile(content, error.code, sha256, error, given_up)


def _content(envelope: dict[str, Any], version: SourceVersion, container: str) -> bytes:
    """The envelope with the version that it belongs to."""
    source = {
        "container": container,
        "name": version.name,
        "etag": version.etag,
        "last_modified": version.modified.isoformat(),
        "size": version.size,
    }
    return json.dumps({**envelope, "source": source}, ensure_ascii=False, default=str).encode()
