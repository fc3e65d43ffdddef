"""What the hooks share: the outputs of the deployment, which azd puts into their environment, and the tools they call.

Needs any Python from 3.11 on, the Azure CLI with a login, and for the database the packages of requirements.txt, which
``manage.py`` finds in ``.venv`` by itself, with Microsoft's ODBC driver 18.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RING_SECRET = "token-encryption-keys"  # noqa: S105 - its name


class HookFailed(Exception):
    """Says what to do; the hook ends with it, and azd with the hook."""


@dataclass(frozen=True)
class Deployment:
    """Names and addresses of what was provisioned."""

    values: dict[str, str]

    def __getitem__(self, name: str) -> str:
        """One output of main.bicep. Raises HookFailed."""
        if not self.values.get(name):
            raise HookFailed(f"{name} is not set. Run 'azd provision' first, or set it as main.bicep's output says.")
        return self.values[name]

    @property
    def connection_string(self) -> str:
        """Of the database, without a login: manage.py hands a token of whoever is logged in over."""
        server, database = self["SQL_HOST"], self["SQL_DATABASE"]
        return (
            "Driver={ODBC Driver 18 for SQL Server};"
            f"Server=tcp:{server},1433;Database={database};Encrypt=yes;TrustServerCertificate=no"
        )

    def ring(self) -> str | None:
        """The ring of encryption keys in the vault; None while there is none. Raises HookFailed."""
        vault = ("--vault-name", self["VAULT_NAME"])
        listed = self.azure("keyvault", "secret", "list", *vault, "--query", "[].name", "--output", "tsv")
        if RING_SECRET not in listed.split():
            return None
        asked = ("--name", RING_SECRET, "--query", "value", "--output", "tsv")
        return self.azure("keyvault", "secret", "show", *vault, *asked)

    def azure(self, *arguments: str) -> str:
        """What the Azure CLI answers. Raises HookFailed with its own words."""
        tool = shutil.which("az")
        if tool is None:
            raise HookFailed("The Azure CLI is not installed: https://aka.ms/azure-cli")
        # azd has a subscription of its own choice, which need not be the one that the Azure CLI takes by itself.
        chosen = self.values.get("AZURE_SUBSCRIPTION_ID")
        of_azd = ("--subscription", chosen) if chosen else ()
        done = subprocess.run([tool, *arguments, *of_azd], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise HookFailed(f"az {' '.join(arguments[:3])} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def manage(self, *arguments: str, ring: str | None = None) -> int:
        """Run manage.py on the deployment; its exit code."""
        environment = {name: value for name, value in os.environ.items() if name.upper() != "DATABASE_URL"}
        environment["AZURE_SQL_CONNECTION_STRING"] = self.connection_string
        # A database that has paused takes a minute to come back.
        environment.setdefault("DB_RETRY_BUDGET_SECONDS", "120")
        environment.setdefault("DB_LOGIN_TIMEOUT_SECONDS", "30")
        if self.values.get("STORAGE_NAME"):
            environment["AzureWebJobsStorage__accountName"] = self["STORAGE_NAME"]
        if ring is not None:
            environment["TOKEN_ENCRYPTION_KEYS"] = ring
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments], env=environment, cwd=ROOT, check=False
        ).returncode


def deployment() -> Deployment:
    """That of the environment; outside of a hook ``azd env get-values`` says it."""
    values = dict(os.environ)
    azd = shutil.which("azd")
    if "SQL_HOST" not in values and azd is not None:
        told = subprocess.run([azd, "env", "get-values"], capture_output=True, text=True, cwd=ROOT, check=False)
        pairs = (line.partition("=") for line in told.stdout.splitlines() if "=" in line)
        values |= {name: value.strip('"') for name, _, value in pairs}
    return Deployment(values)


def run_hook(hook: "object") -> None:
    """Run a hook and end the process with its result."""
    assert callable(hook)
    try:
        hook()
    except HookFailed as error:
        print(f"stopped: {error}", file=sys.stderr)
        sys.exit(1)
