"""Prepares the database of the local stack: its tables, a demo company with a key, an admin key. A process of its own.

A link is stored too that signs in with the admin key, once. Run in the virtual environment, with the app's settings
and ``SEED_...`` in the environment. Safe to run at every start: what is there is left alone, also where somebody
changed it.
"""

import hashlib
import os
import sys

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import SQLAlchemyError

from shared_code.database.connection import create_database
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.schema import ensure_schema
from shared_code.database.stores.keys.token_keys import NewToken, add_token
from shared_code.database.stores.keys.tokens import company_keys
from shared_code.database.stores.operations.console_sessions import add_link
from shared_code.database.tables import admin_keys
from shared_code.errors import ServiceError
from shared_code.observability.redaction import redact
from shared_code.settings import load_settings

TOTAL_TOKEN_LIMIT = 1_000_000


def main() -> int:
    """Exit code: 0 prepared, 1 not; the last line says why."""
    try:
        settings = load_settings()
        database = create_database(settings)
        ensure_schema(database, auto_migrate=True)
        ring = settings.token_encryption_keys
        cipher = KeyCipher(ring.get_secret_value() if ring else None)
        with database.transaction() as connection:
            company = os.environ.get("SEED_COMPANY_ID")
            if company and _add_company(connection, cipher, company):
                print(f"company {company} with a demo key of {TOTAL_TOKEN_LIMIT} tokens")
            _add_admin_key(connection)
            add_link(connection, os.environ["SEED_LINK_SHA256"], os.environ["SEED_ADMIN_KEY_ID"])
        database.close()
    except ServiceError as error:
        print(redact(f"{error.message} ({error.__cause__})" if error.__cause__ else error.message))
        return 1
    except SQLAlchemyError as error:
        print(redact(str(error)))
        return 1
    return 0


def _add_company(connection: Connection, cipher: KeyCipher, company_id: str) -> bool:
    """False when the company has a key of whatever status: nobody's changes are undone."""
    if company_keys(connection, company_id):
        return False
    add_token(
        connection,
        cipher,
        NewToken(
            company_id,
            os.environ["SEED_API_KEY"],
            company_name=os.environ["SEED_COMPANY_NAME"],
            total_token_limit=TOTAL_TOKEN_LIMIT,
        ),
    )
    return True


def _add_admin_key(connection: Connection) -> None:
    key_id = os.environ["SEED_ADMIN_KEY_ID"]
    if connection.execute(select(admin_keys.c.KeyID).where(admin_keys.c.KeyID == key_id)).first():
        return
    digest = hashlib.sha256(os.environ["SEED_ADMIN_SECRET"].encode()).hexdigest()
    connection.execute(
        insert(admin_keys).values(KeyID=key_id, SecretSha256=digest, Role="admin", Label="local stack (dev.py)")
    )


if __name__ == "__main__":
    sys.exit(main())
