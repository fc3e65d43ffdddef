"""/diagnostics: health with its figures, and what the database says about itself."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from shared_code.admin.dependencies import OperatingContext
from shared_code.admin.envelope import Envelope, failures
from shared_code.admin.fields import Sent, example
from shared_code.database.diagnosis.report import DatabaseDiagnostic
from shared_code.operations.timer_state import set_aside_rows

router = APIRouter(tags=["diagnostics"])

_HEALTH_AGE_SECONDS = 2.0


class DiagnosticsView(BaseModel):
    """What is known of the service at the moment.

    ``health``: each check with its figures. ``database``: connection, performance, schema, indexes, findings.
    ``set_aside``: rows that a step of the timer cannot handle, with cause, tries and the next try. What was not asked
    for is null.
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

    health: dict[str, Any] | None
    database: dict[str, Any] | None
    set_aside: list[dict[str, Any]] | None


class DiagnosticsQuery(Sent):
    """What to look at."""

    part: Annotated[
        Literal["health", "database"] | None,
        Field(description="`health` waits for storage and providers, `database` for nothing else; both by default."),
    ] = None


@router.get("/diagnostics", responses=failures())
def run_diagnostics(
    context: OperatingContext, query: Annotated[DiagnosticsQuery, Query()]
) -> Envelope[DiagnosticsView]:
    """Look at everything. Costs the database a few dozen statements, and no tokens."""
    services, said = context.services, list[str]()
    view = DiagnosticsView(health=None, database=None, set_aside=None)
    if query.part != "database":
        view.health = services.health.run_checks(max_age_seconds=_HEALTH_AGE_SECONDS)
        said.append(str(view.health["overall_status"]))
    if query.part != "health":
        view.database = DatabaseDiagnostic(services.database).run_diagnostics()
        view.set_aside = set_aside_rows(services.database)
        said.append(f"{len(view.database['findings'])} findings")
    return context.success(", ".join(said), view)
