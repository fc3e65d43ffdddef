"""A client generated from the document that the service gives out, in an environment of its own, as users make one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .calling import SAMPLES, request, unique

ROOT = Path(__file__).resolve().parents[2]
#: not among our requirements: it asks for an older typer than the command line does
GENERATOR = "openapi-python-client==0.29.1"


def run(*command, **options):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=240, **options)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture
def generator():
    """The Python of an environment with the generator; made once for a checkout."""
    folder = ROOT / ".devstack" / "client-generator"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "generator.txt"
    if not stamp.exists() or stamp.read_text() != GENERATOR:
        run(sys.executable, "-m", "venv", "--clear", "--without-pip", folder)
        pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
        run(*pip, "install", "-q", GENERATOR)
        stamp.write_text(GENERATOR)
    return python


def test_a_generated_client_uploads_waits_and_reads(stack, generator, tmp_path):
    document = tmp_path / "openapi.json"
    document.write_bytes(request(f"{stack['host']}/api/manage/openapi.json").raw)
    settings = tmp_path / "generator.yml"
    settings.write_text("post_hooks: []\npackage_name_override: extraction_client\n")
    made = tmp_path / "client"
    said = run(
        *(generator, "-m", "openapi_python_client", "generate", "--path", document, "--meta", "none"),
        *("--output-path", made / "extraction_client", "--config", settings),
    )
    # It knows forms and plain bytes, and says so of the other bodies that an upload may have.
    assert said.count("WARNING") == said.count("Unsupported content type")
    files = [tmp_path / "gst.pdf", tmp_path / "ghana.pdf"]
    for file, sample in zip(files, ("gst-invoice.pdf", "ghana-vat-invoice.pdf"), strict=True):
        file.write_bytes(unique(SAMPLES / sample))
    answer = json.loads(
        run(
            *(generator, Path(__file__).with_name("generated_client.py"), made, stack["host"], "NT047", *files),
            env=os.environ | {"NO_PROXY": "127.0.0.1"},
            cwd=tmp_path,
        )
    )
    gst, ghana = answer["results"]
    assert (ghana["state"], ghana["status"], ghana["total"]) == ("done", "ok", "76440.00")
    assert (ghana["seller"], ghana["lines"]) == ("Adom Trading Company Ltd", ["39200.00", "24500.00"])
    assert (ghana["confidence"], ghana["model"], ghana["tokens"] > 1_000) == ("high", "gemini-3.5-flash-lite", True)
    assert gst["id"] != ghana["id"]
    assert answer["codes"] == ["CONFLICT", "NOT_FOUND"]
