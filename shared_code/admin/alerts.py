"""/alerts: conditions that an operator should know of."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from shared_code.admin.dependencies import AlertsContext, OperatingContext
from shared_code.admin.envelope import Envelope, Page, failures, shown_as
from shared_code.admin.fields import BigIdPath, BigPageQuery, Moment, Text100, example
from shared_code.database.stores.operations.alerts import find_alerts
from shared_code.operations import alerts

router = APIRouter(tags=["alerts"])


class AlertQuery(BigPageQuery):
    """Filters of the list."""

    state: Annotated[Literal["open", "closed", "all"], Field(description="Open ones by default.")] = "open"
    kind: Text100 | None = None


class AlertView(BaseModel):
    """One condition. It is open once, however often it is seen."""

    model_config = example(
        alert_id=7,
        kind="below_threshold",
        subject="1",
        severity="warning",
        message="Token 1 of company NT047 has 2500 of 1000000 tokens left; it is low below 3000.",
        details={"company_id": "NT047", "remaining": 2500},
        opened_at="2026-11-21T09:30:00+00:00",
        last_seen_at="2026-11-21T09:35:00+00:00",
        closed_at=None,
        occurrences=2,
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


@router.get("/alerts", responses=failures())
def list_alerts(context: AlertsContext, query: Annotated[AlertQuery, Query()]) -> Envelope[Page[AlertView]]:
    """Alerts, newest first."""
    is_open = None if query.state == "all" else query.state == "open"
    rows = context.read(
        lambda connection: find_alerts(
            connection, is_open=is_open, kind=query.kind, before_id=query.cursor, limit=query.limit + 1
        )
    )
    return context.page(rows, query.limit, show=shown_as(AlertView), cursor=lambda alert: alert.alert_id or 0)


@router.post("/alerts/{alert_id}/close", responses=failures(404))
def close_alert(context: OperatingContext, alert_id: BigIdPath) -> Envelope[AlertView]:
    """Close an alert. Its condition opens a new one when it is seen again. A closed one is left as it is."""
    alert = alerts.close(context.services.database, alert_id, context.actor)
    return context.success(f"Alert {alert_id} is closed", shown_as(AlertView)(alert))
