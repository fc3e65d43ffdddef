"""What the benches share: a stand-in as its own process, services on a fresh SQLite file, documents that are new."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "ghana-vat-invoice.pdf"
RING = "bench:" + "A" * 43 + "="
KEY = "AIzaBench0123456789"


def document() -> bytes:
    """The sample with bytes behind its end that make it another document."""
    return SAMPLE.read_bytes() + f"\n% {uuid.uuid4()}\n".encode()


@contextlib.contextmanager
def gemini(latency_ms: int = 0) -> Iterator[str]:
    """URL of a stand-in that runs until the block ends."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "devstack.gemini", "--port", str(port), "--latency-ms", str(latency_ms)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


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


def add_key(company: str = "BENCH") -> None:
    """A company with one key without a limit."""
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


def bare_call(base_url: str):
    """The same question through the SDK alone; returns a function of the document's bytes."""
    from shared_code.extraction.answer.prompt import SYSTEM, build_prompt
    from shared_code.extraction.answer.wire_schema import WIRE_SCHEMA
    from shared_code.providers.base import Media, ModelRequest
    from shared_code.providers.gemini.client import GeminiProvider

    provider = GeminiProvider(base_url)
    prompt = build_prompt(page_count=1)

    def call(data: bytes) -> None:
        media = (Media("application/pdf", data),)
        request = ModelRequest("gemini-3.5-flash-lite", prompt, WIRE_SCHEMA, media, 6_000, SYSTEM)
        json.loads(provider.generate(request, api_key=KEY, timeout_seconds=60).text)

    return call


def _wait_for(url: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"{url}/_control/calls", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{url} does not answer")
