"""``admin-keys``: who may use the admin API."""

from typing import Annotated

import typer

from shared_code.cli.connection import operator, workplace
from shared_code.cli.output import AsJson, Yes, answer, ask, show_rows, shows_list
from shared_code.database.stores.operations.admin_keys import AdminRole, list_admin_keys
from shared_code.errors import InvalidRequest
from shared_code.operations import admin_keys

app = typer.Typer(help="Keys of the admin API.", no_args_is_help=True)


@app.command()
def create(
    role: Annotated[str, typer.Option(help=f"{', '.join(AdminRole)}: each may do what those before it may.")],
    company: Annotated[str | None, typer.Option(help="Binds the key to what is this company's.")] = None,
    label: Annotated[str | None, typer.Option(help="Whose key it is, for the list.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it, once: only its digest is kept."""
    if role not in {known.value for known in AdminRole}:
        raise InvalidRequest(f"--role takes {', '.join(AdminRole)}.", details={"field": "role"})
    with workplace() as place:
        key, text = admin_keys.create(place.database, operator(), role=AdminRole(role), company_id=company, label=label)
    facts = {"role": key.role.value, "company_id": key.company_id, "label": key.label}
    answer({"key_id": key.key_id, "key": text, **facts}, text, as_json=as_json)


@app.command("list")
@shows_list
def list_command(as_json: AsJson = False) -> None:
    """Show keys by id, never the keys themselves."""
    with workplace() as place:
        found = place.database.read(list_admin_keys)
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
    show_rows("Admin keys", rows, as_json=as_json, spare=("created_at", "last_used_at"))


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The part before the dot.")], yes: Yes = False, as_json: AsJson = False
) -> None:
    """End a key for good; it is refused from the next request on."""
    ask(f"Revoke admin key {key_id}?", yes=yes)
    with workplace() as place:
        admin_keys.revoke(place.database, key_id, operator())
    answer({"key_id": key_id, "revoked": True}, f"admin key {key_id} is revoked", as_json=as_json)
