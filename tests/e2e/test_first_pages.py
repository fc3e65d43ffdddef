"""README and quick start, typed into a shell in their order, on a stack of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.setup.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(?:sh)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: starts what runs already, or does what other tests do
NOT_TYPED = ("python dev.py",)
#: requests that are shown because they are refused
REFUSED = {
    "companyID=NOBODY": "TOKEN_NOT_FOUND",
    "samples/README.md;filename": "UNSUPPORTED_FILE_TYPE",
    "export-invoice-usd.pdf -F companyID=NT047 -F username=ama": "QUOTA_EXCEEDED",
}

pytestmark = pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="no curl or bash")


def commands(page):
    blocks = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    lines = [line.strip() for block in blocks for line in block.splitlines() if line.strip()]
    return [line for line in lines if not line.startswith(NOT_TYPED)]


#: and the least number of lines of each. In this order: README has all samples read, which takes a minute, and what was
#: read once is no longer refused for a limit.
PAGES = {"docs/quick-start.md": 14, "README.md": 5, "docs/blobs.md": 3}


@pytest.mark.parametrize(
    "pages", [["docs/quick-start.md"], pytest.param(list(PAGES), marks=pytest.mark.soak)], ids=["quick start", "all"]
)
def test_every_line_does_what_the_page_says(start_stack, tmp_path, pages):
    stack = start_stack("--port", free_ports(1)[0])
    host = stack.wait_until_ready()["host"]
    settings = dict(
        line.partition("=")[::2] for line in (stack.state / "settings.env").read_text().splitlines() if "=" in line
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {name: value.strip("'") for name, value in settings.items()}
    environment |= {"PATH": path, "no_proxy": "*", "HOST": host, "PYTHONPATH": str(ROOT)}
    for name in ("samples", "manage.py", "shared_code", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    wrong, typed = [], []
    for page in pages:
        assert len(commands(page)) >= PAGES[page]
        typed += commands(page)
    for line in typed:
        done = subprocess.run(
            ["bash", "-c", line.replace("http://localhost:7071", host)],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        expected = next((code for words, code in REFUSED.items() if words in line), None)
        answer = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        refused = (answer.get("error") or {}).get("code")
        # 1 is an answer of `blobs retry` about a file that needs no retry.
        right = done.returncode in {0, 1 if "blobs retry" in line else 0} and refused == expected
        if not right or "Traceback" in done.stderr:
            wrong.append(f"{line}\n    {done.returncode} {done.stdout[-400:]} {done.stderr[-400:]}")
    assert wrong == [], "\n".join(wrong)
