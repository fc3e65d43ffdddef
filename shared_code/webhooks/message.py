"""What a receiver is told: that something happened, to what, and where to ask for the rest. No value of an invoice.

The shape is the one that Standard Webhooks recommends: ``type``, ``timestamp``, ``data``. It is made of the row alone,
so that each sending of a message has the same bytes.
"""

import json
from datetime import datetime
from typing import Any
from urllib.parse import quote

from shared_code.database.stores.operations.webhook_deliveries import (
    ALERT_CLOSED,
    ALERT_OPENED,
    EXTRACTION_DONE,
    EXTRACTION_FAILED,
    Delivery,
)

TEST_EVENT = "webhook.test"
#: what the moment of an event is called in its data
_MOMENTS = {
    EXTRACTION_DONE: "finished_at",
    EXTRACTION_FAILED: "finished_at",
    ALERT_OPENED: "opened_at",
    ALERT_CLOSED: "closed_at",
}


def message_body(row: Delivery, *, public_url: str) -> bytes:
    """The body of a message.

    :param public_url: where the service answers, such as ``https://invoices.example.com``; '' = links are paths.
    """
    moment = _utc(row.occurred_at)
    if row.event in {ALERT_OPENED, ALERT_CLOSED}:
        kind = quote(str(row.facts.get("kind")))
        own = {"id": row.subject_id, "state": "open" if row.event == ALERT_OPENED else "closed"}
        link = f"/api/manage/alerts?state=all&kind={kind}"
    else:
        own = {"id": row.subject_id, "company_id": row.company_id}
        link = f"/api/extractions/{row.subject_id}"
    data = own | dict(row.facts) | {_MOMENTS.get(row.event, "decided_at"): moment, "link": public_url + link}
    return body_of(row.event, moment, data)


def test_body(company_id: str | None, now: datetime) -> bytes:
    """The body of a message that only tries whether the receiver takes one. ``now`` is naive UTC."""
    return body_of(TEST_EVENT, _utc(now), {"company_id": company_id})


def body_of(event: str, timestamp: str, data: dict[str, Any]) -> bytes:
    """A message as JSON."""
    message = {"type": event, "timestamp": timestamp, "data": data}
    return json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds") + "Z"
