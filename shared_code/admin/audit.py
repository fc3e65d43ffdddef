"""/audit: who changed what, when, from what to what. For admins."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from shared_code.admin.dependencies import AdminDesk
from shared_code.admin.envelope import Envelope, Page, failures
from shared_code.admin.fields import Moment, PageQuery, Text100
from shared_code.database.stores import admin_audit as store
from shared_code.database.stores.admin_audit import AuditEntry, AuditFilter

router = APIRouter(tags=["audit"])


class AuditQuery(PageQuery):
    """Filters of the list."""

    actor: Text100 | None = None
    action: Text100 | None = None
    target: Text100 | None = None


class AuditView(BaseModel):
    """One change. ``before`` and ``after`` hold no key."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "audit_id": 12,
                "at": "2026-11-21T09:30:00+00:00",
                "actor": "admin-key:0123456789abcdef",
                "action": "token.block",
                "target": "token 1",
                "before": {"token_id": 1, "status": "Active", "api_key_hint": "x7Qz"},
                "after": {"token_id": 1, "status": "Blocked", "api_key_hint": "x7Qz"},
                "request_id": "9b2d2f0c-3f0e-4f5a-9f3b-5d1c7a2e8b10",
            }
        }
    )

    audit_id: int
    at: Moment
    actor: str
    action: str
    target: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None

    @classmethod
    def of(cls, entry: AuditEntry) -> "AuditView":
        """What is shown of a row."""
        return cls(
            audit_id=entry.audit_id,
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            target=entry.target,
            before=dict(entry.before) if entry.before is not None else None,
            after=dict(entry.after) if entry.after is not None else None,
            request_id=entry.request_id,
        )


@router.get("/audit", responses=failures())
def list_audit(desk: AdminDesk, query: Annotated[AuditQuery, Query()]) -> Envelope[Page[AuditView]]:
    """Changes, newest first."""
    wanted = AuditFilter(actor=query.actor, action=query.action, target=query.target)
    rows = desk.read(
        lambda connection: store.find_audit(connection, wanted, before_id=query.position, limit=query.limit + 1)
    )
    return desk.page(rows, query.limit, show=AuditView.of, cursor=lambda entry: entry.audit_id)
