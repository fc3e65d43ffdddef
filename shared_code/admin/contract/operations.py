"""The operations beside the admin API: upload, readings by their ids, health."""

from collections.abc import Iterable
from typing import Any

from shared_code import errors
from shared_code.admin.contract.meanings import meanings
from shared_code.admin.contract.schemas import Schema, data_schemas
from shared_code.errors import ServiceError
from shared_code.exports.formats import MEDIA_TYPES, Format
from shared_code.exports.tables import FILES
from shared_code.extraction.evidence_data import EvidenceWanted
from shared_code.labels import COMPANY_ID
from shared_code.web.form import FIELDS, FILE

#: content types of documents, as a body without a form; others are taken too, the content decides
_DOCUMENTS = ("application/pdf", "application/xml", "application/octet-stream")
_BINARY: Schema = {"type": "string", "format": "binary"}
_REQUIRED = "companyID"
_LENGTHS = {"username": 100, "branch": 50, "licenceID": 100}
_FLAGS = ("force", "async")

#: what can go wrong, by operation
_UPLOAD = (
    *(errors.InvalidRequest, errors.Forbidden, errors.TokenNotFound, errors.TokenExpired, errors.TokenUnavailable),
    *(errors.AlreadyProcessing, errors.IdempotencyConflict, errors.JobCancelled, errors.Gone, errors.FileTooLarge),
    *(errors.TooManyPages, errors.UnsupportedFileType, errors.InvalidFile, errors.ProviderRejected),
    *(errors.QuotaExceeded, errors.ProviderRateLimited, errors.InternalError, errors.ProviderBadAnswer, errors.Busy),
    *(errors.DatabaseUnavailable, errors.StorageUnavailable, errors.ProviderUnavailable, errors.ProviderTimeout),
)
_READING = (
    *(errors.InvalidRequest, errors.NotFound, errors.AlreadyProcessing, errors.Conflict, errors.Gone),
    *(errors.InternalError, errors.DatabaseUnavailable),
)
_CANCELLING = (
    *(errors.InvalidRequest, errors.NotFound, errors.Conflict, errors.Gone),
    *(errors.InternalError, errors.DatabaseUnavailable),
)

_SECONDS: Schema = {"type": "integer", "minimum": 1}
_TEXT: Schema = {"type": "string"}
_LABEL = {"x-request-id": {"schema": _TEXT, "description": "Names the request in answer and logs."}}
_WAIT = {"Retry-After": {"schema": _SECONDS, "description": "Seconds after which to ask again."}}
_STATE = {"ETag": {"schema": _TEXT, "description": "Names this state of the reading, for `If-None-Match`."}}
_WHERE = {
    name: {"schema": {"type": "string", "format": "uri-reference"}, "description": "Where the reading will be."}
    for name in ("Location", "Operation-Location")
}


def paths() -> dict[str, Any]:
    """The operations by address and method."""
    return {
        "/api/extract": {"post": _upload()},
        "/api/extractions/{id}": {"parameters": [_id(), _company()], "get": _get_reading(), "delete": _cancel()},
        "/api/health": {"get": _health("check_health", "Whether the service lives.", "HealthAnswer")},
        "/api/health/ready": {
            "get": _health("check_readiness", "Whether it can serve requests now.", "ReadinessAnswer")
        },
    }


def schemas() -> dict[str, Schema]:
    """The schemas that they use."""
    reading, unfinished = {"$ref": _at("Reading")}, {"$ref": _at("UnfinishedReading")}
    status = {"type": "string", "enum": ["healthy", "unhealthy", "error"], "description": "What this check found."}
    checks = {
        "version": {"type": "string", "description": "Of the service, such as `0.2.0`."},
        "timestamp": {"type": "string", "format": "date-time", "description": "When it was looked at."},
        "checks": {
            "type": "object",
            "additionalProperties": {"type": "object", "properties": {"status": status}, "required": ["status"]},
            "description": "Each check with its status.",
        },
        "overall_status": {"type": "string", "enum": ["healthy", "degraded"], "description": "Of all checks."},
        "health_percentage": {"type": "number", "description": "Checks that are healthy, from 0 to 100."},
    }
    ready = {"ready": {"type": "boolean", "enum": [True], "description": "Always true; else the answer is 503."}}
    return {
        **data_schemas(),
        "Upload": _form(),
        "ReadingAnswer": _envelope(reading, "The answer of an upload."),
        "JobAnswer": _envelope(unfinished, "An upload that is read later."),
        "ReadingStateAnswer": _envelope({"anyOf": [reading, unfinished]}, "A reading as it stands."),
        "HealthAnswer": _envelope(_object(checks), "Each check with its status."),
        "ReadinessAnswer": _envelope(_object(ready), "The service can serve requests."),
    }


def _at(name: str) -> str:
    return f"#/components/schemas/{name}"


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": [*properties]}


def _envelope(data: Schema, description: str) -> Schema:
    properties: Schema = {
        "status": {"type": "string", "enum": ["success"]},
        "message": {"type": "string"},
        "request_id": {"type": "string"},
        "data": data,
        "error": {"type": "null"},
    }
    return {
        **_object(
            {name: {**said, "description": meanings().field("The envelope", name)} for name, said in properties.items()}
        ),
        "description": description,
    }


def _answer(name: str, description: str, headers: Schema | None = None) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _at(name)}}}
    return {"description": description, "headers": {**_LABEL, **(headers or {})}, "content": content}


def _failures(kinds: Iterable[type[ServiceError]]) -> dict[str, Any]:
    """One answer for each status, with the codes that it can have."""
    by_status: dict[int, list[type[ServiceError]]] = {}
    for kind in kinds:
        by_status.setdefault(kind.http_status, []).append(kind)
    found = {
        str(status): _answer(
            "ErrorEnvelope",
            " ".join(f"{kind.code}: {meanings().error(kind.code)}." for kind in same),
            _WAIT if any(kind.retryable for kind in same) else None,
        )
        for status, same in sorted(by_status.items())
    }
    refused = {"description": "The function key is missing or wrong: the platform's answer, without a body."}
    return {"401": refused, **found}


def _header(name: str, description: str, **said: Any) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": {"type": "string", **said}, "description": description}


_REQUEST_ID = _header("x-request-id", "Names the request in answer and logs.", pattern="^[A-Za-z0-9._-]{1,64}$")


def _field(name: str) -> Schema:
    said: Schema = {"type": "string", "description": meanings().field("An upload", name)}
    if name == _REQUIRED:
        return {**said, "pattern": f"^{COMPANY_ID}$", "examples": ["NT047"]}
    if name in _FLAGS:
        return {**said, "enum": ["true", "false"]}
    if name == "evidence":
        return {**said, "enum": [*EvidenceWanted]}
    if name == "lines":
        return {**said, "enum": ["required"]}
    return {**said, "maxLength": _LENGTHS[name]} if name in _LENGTHS else said


def _form() -> Schema:
    file = {**_BINARY, "description": meanings().field("An upload", FILE)}
    return {
        "type": "object",
        "description": "A document, and what is said about it.",
        "properties": {FILE: file, **{name: _field(name) for name in FIELDS}},
        "required": [FILE, _REQUIRED],
    }


def _upload() -> dict[str, Any]:
    fields = {name: _field(name) for name in FIELDS}
    queries = [
        {
            "name": name,
            "in": "query",
            "schema": {key: value for key, value in said.items() if key != "description"},
            "description": f"{said['description']}. For a body without a form; in a form it is a part.",
        }
        for name, said in fields.items()
    ]
    return {
        "operationId": "upload_document",
        "tags": ["extract"],
        "summary": "Upload Document",
        "description": "Reads one document, and answers what it says. With `Prefer: respond-async`, or `async=true`, "
        "it is read later: 202 says where the reading will be.",
        "security": [{"functionKey": []}],
        "parameters": [
            *queries,
            _REQUEST_ID,
            _header(
                "Idempotency-Key", "Lets the upload be sent again safely for 24 hours.", minLength=1, maxLength=255
            ),
            _header("Prefer", "`respond-async`: read it later (RFC 7240).", examples=["respond-async"]),
        ],
        "requestBody": {
            "required": True,
            "description": "A form with the document, or the document itself with the fields in the address.",
            "content": {
                "multipart/form-data": {"schema": {"$ref": _at("Upload")}},
                **{kind: {"schema": _BINARY} for kind in _DOCUMENTS},
            },
        },
        "responses": {
            "200": _answer("ReadingAnswer", "The document was read."),
            "202": _answer("JobAnswer", "It is read later.", {**_WHERE, **_WAIT}),
            **_failures(_UPLOAD),
        },
    }


def _id() -> dict[str, Any]:
    return {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "examples": [f"ext_{'0' * 32}"]},
        "description": "`data.id` of the upload's answer. Whoever has it may read the reading.",
    }


def _company() -> dict[str, Any]:
    said = {"type": "string", "pattern": f"^{COMPANY_ID}$"}
    return {
        "name": _REQUIRED,
        "in": "query",
        "schema": said,
        "description": "Must be the reading's, where it is given.",
    }


def _get_reading() -> dict[str, Any]:
    done = _answer("ReadingStateAnswer", "The reading as it stands now.", {**_STATE, **_WAIT})
    done["content"] |= {
        MEDIA_TYPES[Format.CSV]: {"schema": {"type": "string"}},
        MEDIA_TYPES[Format.XLSX]: {"schema": _BINARY},
    }
    return {
        "operationId": "get_reading",
        "tags": ["extract"],
        "summary": "Get Reading",
        "description": "A reading that was made before, or is being made: `data.state` says which. Nothing is spent.",
        "security": [{"functionKey": []}],
        "parameters": [
            _query("evidence", meanings().field("An upload", "evidence"), enum=[*EvidenceWanted]),
            _query("format", "Else by exactly that media type in `Accept`, else JSON.", enum=[*Format]),
            _query("table", "Of CSV: which file.", enum=[*FILES], default="invoices"),
            _query("bom", "Of CSV: with a byte order mark, for Excel on Windows.", enum=["true", "false"]),
            _header("If-None-Match", "`ETag` of the state that you have: 304 when it is still that."),
            _REQUEST_ID,
        ],
        "responses": {
            "200": done,
            "304": {"description": "Nothing has changed.", "headers": _STATE},
            **_failures(_READING),
        },
    }


def _query(name: str, description: str, **said: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string", **said}, "description": description}


def _cancel() -> dict[str, Any]:
    return {
        "operationId": "cancel_job",
        "tags": ["extract"],
        "summary": "Cancel Job",
        "description": "Cancels a job that has not begun. It never erases a reading.",
        "security": [{"functionKey": []}],
        "parameters": [_REQUEST_ID],
        "responses": {
            "200": _answer("JobAnswer", "The job is cancelled."),
            **_failures(_CANCELLING),
        },
    }


def _health(name: str, description: str, answer: str) -> dict[str, Any]:
    found = _failures([errors.DatabaseUnavailable])
    del found["401"]
    return {
        "operationId": name,
        "tags": ["health"],
        "summary": name.replace("_", " ").title(),
        "description": description,
        "security": [],
        "responses": {"200": _answer(answer, description), **found},
    }
