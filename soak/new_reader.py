"""The hour of somebody who sees this project for the first time, walked for real: each step with its time.

Clones the project into a folder of its own, starts it, reads a first invoice and one of the reader's, adds a key and a
limit, runs into it, sees the alert, decides about a reading, reads the log, exports, and stops. Ends with exit code 1 at
the first step that does not do what the pages promise. Any Python from 3.11 on; nothing but its standard library:

    python soak/new_reader.py
    python soak/new_reader.py --source https://example.com/project.git --invoice my-invoice.pdf
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
#: the first start fetches the packages
_START_SECONDS = 1_800
_STOP_SECONDS = 60
_QUOTA_EXCEEDED = 429


class StepFailed(Exception):
    """A step did not do what the pages promise."""


class Reader:
    """Somebody at a keyboard, in a clone of the project.

    :ivar steps: what was done, and the seconds that each step took.
    """

    def __init__(self, folder: Path, source: str, invoice: Path) -> None:
        self.project, self.ready_file = folder / "project", folder / "ready.json"
        self.source, self.invoice = source, invoice
        self.steps: list[tuple[str, float]] = []
        self.stack: subprocess.Popen[bytes] | None = None
        self.host = ""

    def walk(self) -> None:
        """All steps, in their order.

        :raises StepFailed: says which, and what was answered.
        """
        for name, step in (
            ("clone", self.clone),
            ("run (first start, with packages)", self.run),
            ("first invoice", self.first_invoice),
            ("own invoice", self.own_invoice),
            ("key", self.key),
            ("quota", self.quota),
            ("hit it", self.hit_it),
            ("alert", self.alert),
            ("review", self.review),
            ("log", self.log),
            ("export", self.export),
            ("stop", self.stop),
        ):
            self._timed(name, step)

    def _timed(self, name: str, step: Callable[[], str]) -> None:
        started = time.monotonic()
        seen = step()
        seconds = time.monotonic() - started
        self.steps.append((name, seconds))
        print(f"{seconds:8.1f} s  {name}: {seen}", flush=True)

    def clone(self) -> str:
        """As the pages say, without anything that this checkout has built."""
        self._call(["git", "clone", "--quiet", self.source, str(self.project)], cwd=Path.cwd())
        return str(self.project)

    def run(self) -> str:
        """``python dev.py run``, until it says that it is ready."""
        command = [sys.executable, "dev.py", "run", "--ready-file", str(self.ready_file)]
        log = (self.ready_file.parent / "console.log").open("wb")
        self.stack = subprocess.Popen(
            command, cwd=self.project, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + _START_SECONDS
        while not self.ready_file.exists():
            if self.stack.poll() is not None or time.monotonic() > deadline:
                raise StepFailed((self.ready_file.parent / "console.log").read_text(errors="replace")[-2000:])
            time.sleep(0.2)
        self.host = json.loads(self.ready_file.read_text())["host"]
        return self.host

    def first_invoice(self) -> str:
        """The request of the README."""
        data = self._upload(self.project / "samples" / "gst-invoice.pdf", username="bzumah", branch="RUB")["data"]
        return f"{data['status']}, total {data['invoices'][0]['total']}"

    def own_invoice(self) -> str:
        """The reader's own file."""
        answer = self._upload(self.invoice, username="ama")
        return f"{self.invoice.name}: {answer['data']['status']}"

    def key(self) -> str:
        """A company of the reader's, whose limit is too small for any call."""
        said = self._manage(
            "tokens",
            "add",
            "ACME",
            "--name",
            "Acme Ltd",
            "--limit",
            "2000",
            stdin="AIzaSyNewReader0123456789abcdefghij\n",
        )
        return said.splitlines()[-1]

    def quota(self) -> str:
        """A limit of one user."""
        return self._manage("quota", "set", "NT047", "--user", "ama", "--daily", "100").splitlines()[-1]

    def hit_it(self) -> str:
        """The next upload of that user is refused, and told until when."""
        answer = self._upload(
            self.project / "samples" / "export-invoice-usd.pdf", username="ama", status=_QUOTA_EXCEEDED
        )
        if answer["error"]["code"] != "QUOTA_EXCEEDED" or not answer["error"]["retry_at"]:
            raise StepFailed(json.dumps(answer))
        return str(answer["message"])

    def alert(self) -> str:
        """The timer's work, and what it raises about the key."""
        self._manage("rollup", "run")
        found = json.loads(self._manage("alerts", "list", "--json"))
        kinds = sorted({one["kind"] for one in found})
        if "used_up" not in kinds:
            raise StepFailed(f"no alert about the key of ACME, but {kinds}")
        return ", ".join(kinds)

    def review(self) -> str:
        """A reading that a person is to look at, and its decision."""
        self._upload(self.project / "tests" / "data" / "invoices" / "az-training-4.pdf", username="bzumah")
        waiting = json.loads(self._manage("reviews", "list", "--company", "NT047", "--json"))
        if not waiting:
            raise StepFailed("nothing waits for a person")
        reading = next(value for value in waiting[0].values() if str(value).startswith("ext_"))
        self._manage("reviews", "decide", reading, "confirm", "--reason", "as printed")
        return f"{len(waiting)} waited; {reading} is confirmed"

    def log(self) -> str:
        """What the service says of it."""
        lines = self._manage("logs", "tail", "--lines", "20").splitlines()
        return f"{len(lines)} lines"

    def export(self) -> str:
        """A workbook for the accountants."""
        self._manage("export", "--company", "NT047", "--format", "xlsx", "--out", "november", "--overwrite")
        (made,) = (self.project / "november").glob("*.xlsx")
        return f"{made.name}, {made.stat().st_size} bytes"

    def stop(self) -> str:
        """Ctrl-C."""
        assert self.stack is not None
        self.stack.send_signal(signal.SIGINT)
        code = self.stack.wait(timeout=_STOP_SECONDS)
        if code:
            raise StepFailed(f"dev.py ended with {code}")
        return "all processes ended"

    def abandon(self) -> None:
        """End what a failed step has left running."""
        if self.stack is not None and self.stack.poll() is None:
            self.stack.send_signal(signal.SIGINT)
            self.stack.wait(timeout=_STOP_SECONDS)

    def _manage(self, *arguments: str, stdin: str = "") -> str:
        return self._call([sys.executable, "manage.py", *arguments], cwd=self.project, stdin=stdin)

    @staticmethod
    def _call(command: list[str], *, cwd: Path, stdin: str = "") -> str:
        done = subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StepFailed(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
        return done.stdout.strip() or done.stderr.strip()

    def _upload(self, file: Path, *, status: int = 200, **fields: str) -> Any:
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in ({"companyID": "NT047"} | fields).items()
        ]
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n\r\n'
        body = b"".join([*parts, head.encode(), file.read_bytes(), f"\r\n--{boundary}--\r\n".encode()])
        request = urllib.request.Request(
            f"{self.host}/api/extract", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=230) as answer:
                code, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            code, text = error.code, error.read()
        if code != status:
            raise StepFailed(f"{file.name}: {code} {text[:1500]!r}")
        return json.loads(text)


def main() -> int:
    """Walk, and print the times."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--source", default=str(ROOT), help="what git clones: this checkout, unless another is named")
    parser.add_argument(
        "--invoice", type=Path, default=ROOT / "samples" / "ghana-vat-invoice.pdf", help="an invoice of your own"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="new-reader-") as folder:
        reader = Reader(Path(folder), options.source, options.invoice.resolve())
        try:
            reader.walk()
        except StepFailed as failed:
            print(f"failed: {failed}", file=sys.stderr)
            return 1
        finally:
            reader.abandon()
    total = sum(seconds for _, seconds in reader.steps)
    print(f"{total:8.1f} s  in all ({total / 60:.1f} minutes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
