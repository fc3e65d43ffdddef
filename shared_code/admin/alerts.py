"""/alerts: conditions that an operator should know of."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from shared_code.admin.dependencies import OperatorDesk, ViewerDesk
from shared_code.admin.envelope import Envelope, Page, failures
from shared_code.admin.fields import BigIdPath, Moment, PageQuery, Text100
from shared_code.database.stores import alerts
from shared_code.operations import alerts
from shared_code.records import Alert

router = APIRouter(tags=["alerts"])


class AlertQuery(PageQuery):
    """Filters of the list."""

    state: Annotated[Literal["open", "closed", "all"], Field(description="Open ones by default.")] = "open"
    kind: Text100 | None = None


class AlertView(BaseModel):
    """One condition. It is open once, however often it is seen."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "alert_id": 7,
                "kind": "below_threshold",
                "subject": "1",
                "severity": "warning",
                "message": "Token 1 of company NT047 has 2500 of 1000000 tokens left; it is low below 3000.",
                "details": {"company_id": "NT047", "remaining": 2500},
                "opened_at": "2026-11-21T09:30:00+00:00",
                "last_seen_at": "2026-11-21T09:35:00+00:00",
                "closed_at": None,
                "occurrences": 2,
            }
        }
    )

    alert_id: int
    kind: str
    subject: str
    severity: str
    message: str
    details: dict[str, Any]
    opened_at: Moment | None
    last_seen_at: Moment | None
    closed_at: Moment | None
    occurrences: int

    @classmethod
    def of(cls, alert: Alert) -> "AlertView":
        """What is shown of a row."""
        return cls(
            alert_id=alert.alert_id or 0,
            kind=alert.kind,
            subject=alert.subject,
            severity=alert.severity,
            message=alert.message,
            details=dict(alert.details),
            opened_at=alert.opened_at,
            last_seen_at=alert.last_seen_at,
            closed_at=alert.closed_at,
            occurrences=alert.occurrences,
        )


@router.get("/alerts", responses=failures())
def list_alerts(desk: ViewerDesk, query: Annotated[AlertQuery, Query()]) -> Envelope[Page[AlertView]]:
    """Alerts, newest first."""
    is_open = None if query.state == "all" else query.state == "open"
    rows = desk.read(
        lambda connection: alerts.find_alerts(
            connection, is_open=is_open, kind=query.kind, before_id=query.position, limit=query.limit + 1
        )
    )
    return desk.page(rows, query.limit, show=AlertView.of, cursor=lambda alert: alert.alert_id or 0)


@router.post("/alerts/{alert_id}/close", responses=failures(404))
def close_alert(desk: OperatorDesk, alert_id: BigIdPath) -> Envelope[AlertView]:
    """Close an alert. Its condition opens a new one when it is seen again. A closed one is left as it is."""
    alert = alerts.close(desk.services.database, alert_id, desk.actor)
    return desk.success(f"Alert {alert_id} is closed", AlertView.of(alert))
