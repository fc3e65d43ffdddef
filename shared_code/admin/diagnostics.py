"""/diagnostics: health with its figures, and what the database says about itself."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from shared_code.admin.dependencies import OperatingContext
from shared_code.admin.envelope import Envelope, failures
from shared_code.admin.fields import example
from shared_code.database.diagnosis.report import DatabaseDiagnostic
from shared_code.operations.timer_state import set_aside_rows

router = APIRouter(tags=["diagnostics"])

_HEALTH_AGE_SECONDS = 2.0


class DiagnosticsView(BaseModel):
    """What is known of the service at the moment.

    ``health``: each check with its figures. ``database``: connection, performance, schema, indexes, findings.
    ``set_aside``: rows that a step of the timer cannot handle, with cause, tries and the next try.
    """

    model_config = example(
        health={
            "timestamp": "2026-11-21T09:30:00+00:00",
            "checks": {"database": {"status": "healthy", "result": {"backend": "mssql", "milliseconds": 3.1}}},
            "overall_status": "healthy",
            "health_percentage": 100.0,
        },
        database={
            "backend": "mssql",
            "connection": {"round_trip_milliseconds": 2.9},
            "findings": [
                {
                    "severity": "warning",
                    "area": "indexes",
                    "message": "Index IX_UsageDaily_TokenID on UsageDaily is missing",
                    "remedy": "CREATE INDEX [IX_UsageDaily_TokenID] ON [docUpload].[UsageDaily] ([TokenID])",
                }
            ],
            "not_visible": [],
        },
        set_aside=[
            {
                "step": "end stale reservations",
                "row": "call 3f0a8b0e-3f7f-4a43-9c3d-1f7f5a1c5d5e attempt 1",
                "cause": "ValueError: 'sms' is not a valid Source",
                "tries": 2,
                "first_at": "2026-11-21T09:30:00+00:00",
                "next_at": "2026-11-21T09:49:00+00:00",
            }
        ],
    )

    health: dict[str, Any]
    database: dict[str, Any]
    set_aside: list[dict[str, Any]]


@router.get("/diagnostics", responses=failures())
def run_diagnostics(context: OperatingContext) -> Envelope[DiagnosticsView]:
    """Look at everything. Costs the database a few dozen statements, and no tokens."""
    health = context.services.health.run_checks(max_age_seconds=_HEALTH_AGE_SECONDS)
    database = DatabaseDiagnostic(context.services.database).run_diagnostics()
    return context.success(
        f"{health['overall_status']}, {len(database['findings'])} findings",
        DiagnosticsView(health=health, database=database, set_aside=set_aside_rows(context.services.database)),
    )
