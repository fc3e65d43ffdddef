"""What operators do to the keys of the admin API: each change with its audit row."""

from typing import TYPE_CHECKING

from shared_code.database.stores.operations import admin_keys
from shared_code.database.stores.operations.admin_audit import Actor, add_audit
from shared_code.database.stores.operations.admin_keys import AdminRole
from shared_code.errors import NotFound

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database


def create(
    database: "Database", actor: Actor, *, role: AdminRole, company_id: str | None = None, label: str | None = None
) -> tuple[admin_keys.AdminKey, str]:
    """Make a key; returns it and its whole text, which is known nowhere else.

    :raises InvalidRequest: a value is malformed.
    """

    def work(connection: "Connection") -> tuple[admin_keys.AdminKey, str]:
        key_id, text = admin_keys.create_admin_key(connection, role=role, company_id=company_id, label=label)
        key = _found(connection, key_id)
        add_audit(connection, actor, "admin-key.create", f"admin-key {key_id}", after=_facts(key))
        return key, text

    return database.run(work)


def revoke(database: "Database", key_id: str, actor: Actor) -> None:
    """End a key for good; it is refused from the next request on.

    :raises NotFound: there is no such key, or it is revoked already.
    """

    def work(connection: "Connection") -> None:
        key = _found(connection, key_id)
        if not admin_keys.revoke_admin_key(connection, key_id):
            raise _no_key(key_id)
        before, after = _facts(key) | {"revoked": False}, _facts(key) | {"revoked": True}
        add_audit(connection, actor, "admin-key.revoke", f"admin-key {key_id}", before=before, after=after)

    database.run(work)


def _found(connection: "Connection", key_id: str) -> admin_keys.AdminKey:
    key = admin_keys.find_admin_key(connection, key_id)
    if key is None:
        raise _no_key(key_id)
    return key


def _no_key(key_id: str) -> NotFound:
    return NotFound(f"There is no admin key {key_id} that is not revoked.", details={"field": "key_id"})


def _facts(key: admin_keys.AdminKey) -> dict[str, str | None]:
    return {"role": key.role.value, "company_id": key.company_id, "label": key.label}
