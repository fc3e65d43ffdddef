"""/audit: who changed what, when, from what to what. For admins."""

from typing import Annotated

from fastapi import APIRouter, Query

from shared_code.admin.dependencies import AuditContext
from shared_code.admin.envelope import Envelope, Page, failures, shown_as
from shared_code.admin.fields import BigPageQuery, Text100, example, fields_of
from shared_code.database.stores.operations.admin_audit import AuditEntry, AuditFilter, find_audit

router = APIRouter(tags=["audit"])


class AuditQuery(BigPageQuery):
    """Filters of the list."""

    actor: Text100 | None = None
    action: Text100 | None = None
    target: Text100 | None = None
    request_id: Text100 | None = None


class AuditView(fields_of(AuditEntry)):  # type: ignore[misc] # its fields are known at run time
    """One change. ``before`` and ``after`` hold no key."""

    model_config = example(
        audit_id=12,
        at="2026-11-21T09:30:00+00:00",
        actor="admin-key:0123456789abcdef",
        action="token.block",
        target="token 1",
        before={"token_id": 1, "status": "Active", "api_key_hint": "x7Qz"},
        after={"token_id": 1, "status": "Blocked", "api_key_hint": "x7Qz"},
        request_id="9b2d2f0c-3f0e-4f5a-9f3b-5d1c7a2e8b10",
    )


@router.get("/audit", responses=failures())
def list_audit(context: AuditContext, query: Annotated[AuditQuery, Query()]) -> Envelope[Page[AuditView]]:
    """Changes, newest first."""
    wanted = AuditFilter(**query.filters())
    return context.newest(find_audit, wanted, query, show=shown_as(AuditView), cursor=lambda entry: entry.audit_id)
