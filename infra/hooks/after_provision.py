"""azd's hook after provisioning: the ring of encryption keys, the schema, the login of the service. Safe to repeat."""

import base64
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from deployment import RING_SECRET, Deployment, HookFailed, deployment, run_hook

_KEY_BYTES = 32


def prepare() -> None:
    """Do all three. Raises HookFailed."""
    here = deployment()
    ensure_ring(here)
    upgrade_and_let_in(here)
    print(f"The service answers at https://{here['APP_HOST']}/api/health once it is deployed.")


def ensure_ring(here: Deployment) -> None:
    """Make the ring once; it is never printed, and never made anew: without the old one stored keys do not open."""
    if here.ring() is not None:
        print("ring of encryption keys: in the vault")
        return
    entry = f"{datetime.now(UTC):k%Y%m%d}:{base64.b64encode(os.urandom(_KEY_BYTES)).decode()}"
    # By a file that only we can read: arguments of a process can be read by others.
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "ring"
        written.touch(mode=0o600)
        written.write_text(entry, encoding="ascii")
        secret = ("--vault-name", here["VAULT_NAME"], "--name", RING_SECRET, "--file", str(written))
        here.azure("keyvault", "secret", "set", *secret, "--encoding", "utf-8", "--output", "none")
    print("ring of encryption keys: made")


def upgrade_and_let_in(here: Deployment) -> None:
    """Bring the schema up to date, and let the identity of the service in."""
    admit = ("db", "let-in", here["IDENTITY_NAME"], "--object-id", here["IDENTITY_OBJECT_ID"])
    if here.manage("db", "upgrade") != 0 or here.manage(*admit) != 0:
        raise HookFailed(
            "the database was not reached or refused. Is your address in OPERATOR_ADDRESS, are you the administrator "
            "of SQL_ADMINISTRATOR_OBJECT_ID, and is ODBC Driver 18 installed? In a private network run it from within: "
            "python infra/hooks/after_provision.py"
        )


if __name__ == "__main__":
    run_hook(prepare)
