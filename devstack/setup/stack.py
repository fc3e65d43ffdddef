"""What the local stack consists of: which processes, on which ports, with which settings."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from secrets import token_urlsafe

from devstack.setup import azurite
from devstack.setup.ports import LOOPBACK, free_ports, is_free
from devstack.setup.readiness import Question

COMPANY_ID = "NT047"
COMPANY_NAME = "RUBI TRADERS Pvt ltd"
SAMPLE = "samples/gst-invoice.pdf"
_PREFIX = ("extensions", "http", "routePrefix")


@dataclass(frozen=True)
class Options:
    """What the command line of ``run`` says.

    :ivar port: None = 7071, or the next free one.
    :ivar cors: origins of front ends that browsers may call from.
    :ivar gemini_url: a server that speaks the Gemini API, in place of the stand-in; None = the stand-in.
    """

    state: Path
    port: int | None = None
    database: str | None = None
    model_latency_ms: int = 0
    seed: bool = True
    real_models: bool = False
    gemini_url: str | None = None
    ready_file: Path | None = None
    cors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ports:
    """Where everything listens, all on loopback."""

    host: int
    gemini: int
    openai: int
    blob: int
    queue: int
    table: int

    @classmethod
    def choose(cls, host: int, earlier: Mapping[str, int] | None = None) -> "Ports":
        """Free ports beside the one of the host: those of an earlier run where they still are."""
        names = [entry.name for entry in fields(cls) if entry.name != "host"]
        kept: dict[str, int] = {}
        for name in names:
            port = (earlier or {}).get(name)
            if port is not None and port != host and port not in kept.values() and is_free(port):
                kept[name] = port
        # More than are needed: a new one may be the host's, or one that is kept.
        spare = iter(port for port in free_ports(2 * len(names)) if port not in {host, *kept.values()})
        return cls(host, **{name: kept.get(name) or next(spare) for name in names})


@dataclass(frozen=True)
class Stack:
    """One stack that is about to run.

    :ivar link_secret: signs the person at this machine in at the console, once.
    """

    root: Path
    state: Path
    python: Path
    azurite_command: list[str]
    options: Options
    ports: Ports
    secrets: Mapping[str, str]
    link_secret: str = field(default_factory=lambda: token_urlsafe(32), repr=False)

    @property
    def host_url(self) -> str:
        """Where the functions answer."""
        return f"http://{LOOPBACK}:{self.ports.host}"

    @property
    def gemini_url(self) -> str | None:
        """The Gemini stand-in, or the server that was named; None with ``--real-models``."""
        if self.options.real_models:
            return None
        return self.options.gemini_url or f"http://{LOOPBACK}:{self.ports.gemini}"

    @property
    def model_ports(self) -> dict[str, int]:
        """Vendor and port of each model stand-in that this stack starts."""
        if self.options.real_models:
            return {}
        gemini = {} if self.options.gemini_url else {"gemini": self.ports.gemini}
        return gemini | {"openai": self.ports.openai}

    @property
    def openai_url(self) -> str | None:
        """The OpenAI stand-in, as the SDK wants its base; None with ``--real-models``."""
        return None if self.options.real_models else f"http://{LOOPBACK}:{self.ports.openai}/v1"

    @property
    def database_url(self) -> str:
        """As given, or a SQLite file in the state folder."""
        return self.options.database or f"sqlite:///{(self.state / 'database.sqlite').as_posix()}"

    @property
    def blob_connection_string(self) -> str:
        """Connection string of this stack's Azurite."""
        return azurite.connection_string(blob=self.ports.blob, queue=self.ports.queue, table=self.ports.table)

    @property
    def console_path(self) -> str | None:
        """Path of the web console, where the app has one."""
        has_console = (self.root / "shared_code" / "console").is_dir()
        return f"{self.api}/manage/console/" if has_console else None

    @property
    def api(self) -> str:
        """What all addresses of the functions begin with: ``/api``, or nothing where host.json says so."""
        prefix = route_prefix(self.root, os.environ)
        return f"/{prefix}" if prefix else ""

    def settings(self) -> dict[str, str]:
        """Settings of the app for this stack; an empty value takes one away that ``local.settings.json`` would set."""
        return {
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "PYTHON_THREADPOOL_THREAD_COUNT": os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT", "32"),
            "AzureWebJobsStorage": self.blob_connection_string,
            "DATABASE_URL": self.database_url,
            "AZURE_SQL_CONNECTION_STRING": "",
            "TOKEN_ENCRYPTION_KEYS": self.secrets["encryption_keys"],
            "GEMINI_BASE_URL": self.gemini_url or "",
            "OPENAI_BASE_URL": self.openai_url or "",
            # A receiver that is being written runs on the same machine.
            "WEBHOOK_ALLOW_LOOPBACK": "true",
            "CONSOLE_SIGN_IN_LINK": "true",
        }

    def environment(self) -> dict[str, str]:
        """Environment of every child: the caller's, the settings, and loopback kept out of any proxy."""
        return loopback_without_proxy(os.environ) | self.settings() | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}

    def questions(self) -> list[Question]:
        """What has to be answered before the stack is ready."""
        ports = self.ports
        asked = [
            *(Question("azurite", port, "/", any_answer=True) for port in (ports.blob, ports.queue, ports.table)),
            Question("host", ports.host, "/admin/host/ping"),
        ]
        asked.extend(Question(vendor, port, "/_control/calls") for vendor, port in self.model_ports.items())
        if (self.root / "HealthFunction" / "function.json").exists():
            asked.append(Question("health", ports.host, f"{self.api}/health/ready", pause_seconds=0.5))
        return asked

    def storage_command(self) -> list[str]:
        """Starts Azurite with its data in the state folder."""
        ports = self.ports
        location = self.state / "azurite"
        return [
            *self.azurite_command,
            *azurite.storage_arguments(location, blob=ports.blob, queue=ports.queue, table=ports.table),
        ]

    def model_command(self, vendor: str, port: int) -> list[str]:
        """Starts a model stand-in."""
        latency = ("--latency-ms", str(self.options.model_latency_ms))
        return [str(self.python), "-m", f"devstack.{vendor}", "--port", str(port), *latency]

    def host_command(self) -> list[str]:
        """Starts the functions."""
        ready = self.state / "host-ready.json"
        return [
            *(str(self.python), "-m", "devstack.host", "--root", str(self.root)),
            *("--port", str(self.ports.host), "--ready-file", str(ready)),
            *(("--cors", ",".join(self.options.cors)) if self.options.cors else ()),
        ]

    def seed_command(self) -> list[str]:
        """Makes the demo company once; its secrets go through the environment."""
        return [str(self.python), "-m", "devstack.setup.seed"]

    def seed_environment(self) -> dict[str, str]:
        """What the seed process gets beside the settings."""
        with_company = self.options.seed and not self.options.real_models
        company = {"SEED_COMPANY_ID": COMPANY_ID, "SEED_COMPANY_NAME": COMPANY_NAME} if with_company else {}
        return company | {
            "SEED_API_KEY": self.secrets["demo_key"],
            "SEED_ADMIN_KEY_ID": self.secrets["admin_key_id"],
            "SEED_ADMIN_SECRET": self.secrets["admin_secret"],
            # The digest alone: the secret stands in the link that is printed, and nowhere else.
            "SEED_LINK_SHA256": hashlib.sha256(self.link_secret.encode()).hexdigest(),
        }


def route_prefix(root: Path, environment: Mapping[str, str]) -> str:
    """``routePrefix`` of host.json, or of the variable that overrides it; ``api`` unless said otherwise."""
    override = "__".join(("AzureFunctionsJobHost", *_PREFIX)).casefold()
    for name, value in environment.items():
        if name.casefold() == override:
            return value.strip("/")
    try:
        found = json.loads((root / "host.json").read_text(encoding="utf-8-sig"))
        for name in _PREFIX:
            found = found[name]
    except (OSError, ValueError, KeyError, TypeError):
        return "api"  # the host itself says what is wrong with its file
    return str(found).strip("/")


def loopback_without_proxy(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with loopback in NO_PROXY, in both spellings that libraries read."""
    merged = dict(environment)
    named = [environment.get("NO_PROXY", ""), environment.get("no_proxy", ""), LOOPBACK, "localhost"]
    entries = [entry.strip() for value in named for entry in value.split(",") if entry.strip()]
    merged["NO_PROXY"] = merged["no_proxy"] = ",".join(dict.fromkeys(entries))
    return merged
