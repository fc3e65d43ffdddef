"""The admin API keeps to its own OpenAPI document; ``soak`` has the long form."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_valid_requests_are_answered_as_the_document_says(stack, tmp_path):
    counts = tmp_path / "counts.json"
    command = [
        *(str(Path(sys.executable).parent / "st"), "--config-file", str(ROOT / "soak" / "schemathesis.toml"), "run"),
        f"{stack['host']}/api/manage/openapi.json",
        *("--checks", "all", "--mode", "positive", "--max-examples", "5", "--phases", "examples,fuzzing"),
        *("--header", f"Authorization: Bearer {stack['admin_key']}", "--exclude-path-regex", "diagnostics"),
        # The stack is shared: no other test's key may be taken out of service.
        *("--include-method", "GET"),
    ]
    environment = os.environ | {
        "SOAK_IDS": json.dumps({"token_id": [1]}),
        "SOAK_COUNTS": str(counts),
        "SCHEMATHESIS_HOOKS": "soak.schemathesis_hooks",
        "PYTHONPATH": str(ROOT),
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-6000:]
    assert json.loads(counts.read_text())["200"] > 30
