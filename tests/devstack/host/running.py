"""An app written to disk and the host as a process over it, as a person would start it."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 30
#: what the developer's own shell may hold and the sample apps must not see
FOREIGN = ("azurewebjobs", "azurefunctions", "functions_", "gemini", "openai", "database", "schedule")


def http_function(code: str, **trigger: Any) -> tuple[dict[str, Any], str]:
    """function.json and code of an HTTP function; ``main(req)`` unless the code says otherwise."""
    properties = {"authLevel": "anonymous", **trigger}
    bindings = [
        {"name": "req", "type": "httpTrigger", "direction": "in", **properties},
        {"name": "$return", "type": "http", "direction": "out"},
    ]
    return {"bindings": bindings}, code


def timer_function(code: str, **trigger: Any) -> tuple[dict[str, Any], str]:
    return {"bindings": [{"name": "timer", "type": "timerTrigger", "direction": "in", **trigger}]}, code


def blob_function(code: str, **trigger: Any) -> tuple[dict[str, Any], str]:
    return {"bindings": [{"name": "blob", "type": "blobTrigger", "direction": "in", **trigger}]}, code


def write_app(
    root: Path,
    functions: dict[str, tuple[Any, str]],
    *,
    host: dict[str, Any] | None = None,
    values: dict[str, Any] | None = None,
    local: dict[str, Any] | None = None,
) -> Path:
    """An app folder. A function's first part is function.json (a string is written as it is)."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "host.json").write_text(json.dumps({"version": "2.0", **(host or {})}))
    (root / "local.settings.json").write_text(
        json.dumps({"IsEncrypted": False, "Values": values or {}, "Host": local or {}})
    )
    for name, (config, code) in functions.items():
        (root / name).mkdir()
        (root / name / "function.json").write_text(config if isinstance(config, str) else json.dumps(config))
        (root / name / "__init__.py").write_text(code)
    return root


@dataclass
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Host:
    """A running host. ``log`` is everything it has printed."""

    root: Path
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    python: str = sys.executable

    def __enter__(self) -> Self:
        ready = self.root.parent / f"{self.root.name}.ready.json"
        ready.unlink(missing_ok=True)
        self._output = (self.root.parent / f"{self.root.name}.log").open("ab")
        kept = {key: value for key, value in os.environ.items() if not key.lower().startswith(FOREIGN)}
        self.process = subprocess.Popen(
            [
                self.python,
                "-m",
                "devstack.host",
                "--root",
                str(self.root),
                "--port",
                str(self.port),
                "--ready-file",
                str(ready),
                *self.arguments,
            ],
            cwd=self.root.parent,
            env={**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore::SyntaxWarning", **self.environment},
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        wait_for(lambda: ready.exists() or self.process.poll() is not None, seconds=START_SECONDS)
        assert ready.exists(), self.log
        self.ready = json.loads(ready.read_text())
        self.port = self.ready["port"]
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            finally:
                self.process.kill()
        self.process.wait()
        self._output.close()

    @property
    def log(self) -> str:
        return (self.root.parent / f"{self.root.name}.log").read_text(errors="replace")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **options: Any
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers or {}, **options)
            response = connection.getresponse()
            return Answer(response.status, response.msg, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def run_now(self, function: str, text: str = "") -> Answer:
        return self.request("POST", f"/admin/functions/{function}", json.dumps({"input": text}))


def wait_for(condition: Callable[[], Any], *, seconds: float = 15) -> Any:
    """The first true value of ``condition``; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.03)
    return found


def lines(path: Path) -> list[Any]:
    """What a function of a sample app has written, one JSON value a line."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
