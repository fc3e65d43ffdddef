"""What receivers of webhooks are sent, as the OpenAPI document describes it under ``webhooks``."""

from typing import Any

from shared_code.admin.contract.schemas import STATUSES, Schema
from shared_code.database.stores.operations.webhook_deliveries import (
    ALERT_CLOSED,
    ALERT_OPENED,
    COMPANY_EVENTS,
    EXTRACTION_DONE,
    EXTRACTION_FAILED,
    REVIEW_DECIDED,
)
from shared_code.database.stores.reviews.review_rows import DECIDED

_MOMENT: Schema = {"type": "string", "format": "date-time"}
_READING: Schema = {
    "id": {"type": "string", "description": "The reading or job: `data.id` of the upload's answer."},
    "company_id": {"type": "string", "description": "Whose it is."},
    "state": {"type": "string", "enum": ["done", "failed"], "description": "What became of it."},
    "status": {
        "type": ["string", "null"],
        "enum": [*STATUSES, None],
        "description": "The verdict of one that is done.",
    },
    "finished_at": {**_MOMENT, "description": "When it ended."},
    "link": {"type": "string", "format": "uri-reference", "description": "Where the reading is."},
}
_REVIEW: Schema = {
    **{name: _READING[name] for name in ("id", "company_id")},
    "state": {"type": "string", "enum": [*DECIDED], "description": "What the person decided."},
    "decided_at": {**_MOMENT, "description": "When."},
    "link": _READING["link"],
}
_ALERT: Schema = {
    "id": {"type": "string", "description": "Number of the alert."},
    "state": {"type": "string", "enum": ["open", "closed"], "description": "What it is now."},
    "kind": {"type": "string", "description": "Which condition it is."},
    "severity": {"type": "string", "description": "How bad it is."},
    "company_id": {"type": ["string", "null"], "description": "Which company it is about, if one."},
    "opened_at": {**_MOMENT, "description": "Of `alert.opened`: when."},
    "closed_at": {**_MOMENT, "description": "Of `alert.closed`: when."},
    "link": {"type": "string", "format": "uri-reference", "description": "Where alerts of this kind are listed."},
}
_HEADERS = {
    "webhook-id": "Of the message, the same however often it comes.",
    "webhook-timestamp": "Seconds since 1970, of this sending.",
    "webhook-signature": "`v1,` and base64 of HMAC-SHA256 over id, timestamp and body, joined by dots; two, apart by a "
    "blank, while a secret is changed for another. Absent without a secret.",
}
_TOLD = {
    EXTRACTION_DONE: "A document was read.",
    EXTRACTION_FAILED: "A document could not be read.",
    REVIEW_DECIDED: "A person has decided about a reading.",
    ALERT_OPENED: "Something needs a person. For operators.",
    ALERT_CLOSED: "It has passed. For operators.",
}


def webhooks() -> dict[str, Any]:
    """The messages by their events."""
    return {event: {"post": _message(event, told)} for event, told in _TOLD.items()}


def schemas() -> dict[str, Schema]:
    """The schemas that they use."""
    return {
        "ReadingMessage": _body(_READING, optional=(), description="What became of a document; no value of it."),
        "ReviewMessage": _body(
            _REVIEW, optional=(), description="What a person decided about a reading; no value of it."
        ),
        "AlertMessage": _body(_ALERT, optional=("opened_at", "closed_at"), description="An alert, without its text."),
    }


def _body(data: Schema, *, optional: tuple[str, ...], description: str) -> Schema:
    required = [name for name in data if name not in optional]
    return {
        "type": "object",
        "description": description,
        "properties": {
            "type": {"type": "string", "description": "The event."},
            "timestamp": {**_MOMENT, "description": "When it happened."},
            "data": {
                "type": "object",
                "properties": data,
                "required": required,
                "description": "What it is about.",
            },
        },
        "required": ["type", "timestamp", "data"],
    }


def _message(event: str, told: str) -> dict[str, Any]:
    of_reading = "ReviewMessage" if event == REVIEW_DECIDED else "ReadingMessage"
    name = of_reading if event in COMPANY_EVENTS else "AlertMessage"
    return {
        "operationId": f"on_{event.replace('.', '_')}",
        "tags": ["webhooks"],
        "summary": told,
        "description": f"{told} Sent again until a 2xx answers, for a day at most.",
        "security": [],
        "parameters": [
            {"name": header, "in": "header", "schema": {"type": "string"}, "description": meaning}
            for header, meaning in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
        },
        "responses": {"2XX": {"description": "Taken. Anything else is tried again."}},
    }
