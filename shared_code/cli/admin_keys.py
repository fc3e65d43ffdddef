"""``admin-keys``: who may use the admin API."""

from typing import Annotated

import typer

from shared_code.cli.connection import operator, workplace
from shared_code.cli.output import AsJson, Yes, ask, say, show_json, show_table
from shared_code.database.stores import admin_keys as store
from shared_code.database.stores.admin_audit import add_audit
from shared_code.database.stores.token_fields import checked_company
from shared_code.errors import InvalidRequest, NotFound
from shared_code.records import AdminRole

app = typer.Typer(help="Keys of the admin API.", no_args_is_help=True)


@app.command()
def create(
    role: Annotated[str, typer.Option(help="viewer, operator or admin.")],
    company: Annotated[str | None, typer.Option(help="Binds a viewer to this company.")] = None,
    label: Annotated[str | None, typer.Option(help="Whose key it is, for the list.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it, once: only its digest is kept."""
    if role not in {known.value for known in AdminRole}:
        raise InvalidRequest(f"--role takes {', '.join(AdminRole)}.", details={"field": "role"})
    with workplace() as place, place.database.transaction() as connection:
        key_id, key = store.create_admin_key(connection, role=AdminRole(role), company_id=company, label=label)
        facts = {"role": role, "company_id": company and checked_company(company), "label": label}
        add_audit(connection, operator(), "admin-key.create", f"admin-key {key_id}", after=facts)
    if as_json:
        show_json({"key_id": key_id, "key": key, **facts})
    else:
        say(key)


@app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """Show keys by id, never the keys themselves."""
    with workplace() as place:
        found = place.database.read(store.list_admin_keys)
    rows = [
        {
            "key_id": key.key_id,
            "role": key.role.value,
            "company_id": key.company_id,
            "label": key.label,
            "created_at": key.created_at,
            "last_used_at": key.last_used_at,
            "revoked_at": key.revoked_at,
        }
        for key in found
    ]
    if as_json:
        show_json(rows)
    else:
        show_table("Admin keys", rows)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The part before the dot.")], yes: Yes = False, as_json: AsJson = False
) -> None:
    """End a key for good; it is refused from the next request on."""
    ask(f"Revoke admin key {key_id}?", yes=yes)
    with workplace() as place, place.database.transaction() as connection:
        known = store.find_admin_key(connection, key_id)
        if known is None or not store.revoke_admin_key(connection, key_id):
            raise NotFound(f"There is no admin key {key_id} that is not revoked.", details={"field": "key_id"})
        facts = {"role": known.role.value, "company_id": known.company_id, "label": known.label}
        before, after = facts | {"revoked": False}, facts | {"revoked": True}
        add_audit(connection, operator(), "admin-key.revoke", f"admin-key {key_id}", before=before, after=after)
    if as_json:
        show_json({"key_id": key_id, "revoked": True})
    else:
        say(f"admin key {key_id} is revoked")
