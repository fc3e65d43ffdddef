"""What is made ready before the first upload: a process for documents, the vendors of stored keys; and no harm done."""

import json
import os
import subprocess
import sys
from pathlib import Path

from devstack.gemini import GeminiStandIn

ROOT = Path(__file__).parents[3]
RING = "test:" + "A" * 43 + "="
ADD_KEY = """
from shared_code import bootstrap
from shared_code.database.stores.keys import token_keys
services = bootstrap.services().ready()
new = token_keys.NewToken("ACME", "AIzaWarm0123456789", "")
services.database.run(lambda connection: token_keys.add_token(connection, services.cipher, new))
"""
WARM = """
import json, sys, time
from shared_code import bootstrap
started = time.monotonic()
bootstrap.warm_up()
bootstrap.warm_up()
took = time.monotonic() - started
from shared_code.bootstrap import warm_start
ended = warm_start.wait(60)
from shared_code.documents.sandbox import pool
box = pool._default
print(json.dumps({
    "took": took,
    "ended": ended,
    "processes": len(box._idle) if box else None,
    "modules": [name for name in ("shared_code.providers.transport", "openai", "genai_prices.data", "splintr") if name in sys.modules],
}))
bootstrap.reset()
"""


def run(code, **settings):
    environment = os.environ | {"TOKEN_ENCRYPTION_KEYS": RING, "AzureWebJobsStorage": "", **settings}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done


def warmed(**settings):
    return json.loads(run(WARM, **settings).stdout.splitlines()[-1])


def test_a_process_for_documents_and_the_vendor_of_a_key_are_ready_before_the_first_upload(tmp_path):
    with GeminiStandIn() as gemini:
        settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/warm.db", "GEMINI_BASE_URL": gemini.url}
        run(ADD_KEY, **settings)
        seen = warmed(**settings)
    assert (seen["ended"], seen["processes"]) == (True, 1)
    assert seen["modules"] == ["shared_code.providers.transport", "genai_prices.data"], (
        "no vendor without a key, no vocabulary"
    )
    assert seen["took"] < 1.0, "nobody waits for it"


def test_without_a_key_no_vendor_is_prepared(tmp_path):
    seen = warmed(DATABASE_URL=f"sqlite:///{tmp_path}/warm.db")
    assert (seen["ended"], seen["processes"]) == (True, 1)
    assert "shared_code.providers.transport" not in seen["modules"]


def test_a_start_survives_settings_that_are_wrong_and_a_database_that_is_away():
    for url in ("nonsense", "postgresql://u:p@127.0.0.1:9/none"):
        seen = warmed(DATABASE_URL=url, DB_RETRY_BUDGET_SECONDS="0.5", DB_LOGIN_TIMEOUT_SECONDS="1")
        assert (seen["ended"], seen["processes"]) == (True, 1)
