"""``audit``: who changed what."""

from dataclasses import asdict
from typing import Annotated

import typer

from shared_code.cli.connection import workplace
from shared_code.cli.output import AsJson, show_list, shows_list
from shared_code.database.stores.operations.admin_audit import AuditEntry, AuditFilter, find_audit


@shows_list
def audit_command(
    target: Annotated[str | None, typer.Option(help="Such as 'token 1'.")] = None,
    action: Annotated[str | None, typer.Option(help="Such as token.rotate.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show changes, newest first."""
    with workplace() as place:
        found = place.database.read(
            lambda connection: find_audit(connection, AuditFilter(action=action, target=target), limit=limit)
        )
    show_list("Audit", found, facts=asdict, columns=_columns, as_json=as_json)


def _columns(entry: AuditEntry) -> dict[str, object]:
    before, after = entry.before or {}, entry.after or {}
    changed = {
        name: (before.get(name), after.get(name))
        for name in {**before, **after}
        if entry.before and entry.after and before.get(name) != after.get(name)
    }
    return {
        "id": entry.audit_id,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "changes": "; ".join(f"{name}: {old} -> {new}" for name, (old, new) in changed.items()),
    }
