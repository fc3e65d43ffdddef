"""Trying a document: dropped into the page, its stages, cost and time, its review, and the same from a program."""

import shutil
import subprocess
import sys

import pytest

from tests.e2e.calling import SAMPLES

from .profiles import CONSOLE

SAMPLE = SAMPLES / "ghana-vat-invoice.pdf"
_TOTAL = "76440.00"
#: what the code of a page is run with outside of one
_RUN_IN_NODE = """
const { readFileSync } = require("node:fs");
readInvoice(new File([readFileSync("ghana-vat-invoice.pdf")], "ghana-vat-invoice.pdf")).then((data) => console.log(data.invoices[0].total));
"""


def test_a_document_is_tried_and_the_same_from_a_program(console, tmp_path):
    own = console.company()
    page = console.page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{CONSOLE}/try")
    page.locator("#company").fill(own)
    page.evaluate(
        """([name, bytes]) => {
          const data = new DataTransfer();
          data.items.add(new File([Uint8Array.from(bytes)], name, { type: "application/pdf" }));
          for (const kind of ["dragenter", "dragover", "drop"]) {
            document.querySelector("#drop").dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
          }
        }""",
        [SAMPLE.name, list(SAMPLE.read_bytes())],
    )
    review = page.get_by_role("button", name="Open its review")
    review.wait_for(timeout=30_000)
    assert page.locator(".stages .done").count() == 4
    outcome = page.locator("#outcome").inner_text()
    for figure in ("Time", "Cost", "Tokens"):
        assert figure.lower() in outcome.lower()
    copied = {}
    for language in ("curl", "Python", "C#", "JavaScript"):
        page.get_by_role("tab", name=language).click()
        page.get_by_role("button", name="Copy", exact=True).click()
        copied[language] = page.evaluate("navigator.clipboard.readText()")
        assert copied[language] == page.locator("#code").text_content()
        assert own in copied[language]
    running = _run(copied, tmp_path)
    assert all(part in copied["C#"] for part in ("HttpClient", "respond-async", f'"{console.host}/api/extract"'))
    review.click()
    page.wait_for_selector("#review:not([aria-busy])")
    assert "Adom" in page.locator("#what").text_content()
    used = console.api("GET", f"extractions?company_id={own}")["items"]
    assert {one["source"] for one in used} >= {"console"}
    for name, process in running.items():
        assert _TOTAL in process.communicate(timeout=60)[0], name


def _run(copied, folder):
    """The copied programs, running beside each other where the file lies."""
    shutil.copy(SAMPLE, folder)
    commands = {"Python": [sys.executable, "-c", copied["Python"]]}
    if shutil.which("bash") and shutil.which("curl") and shutil.which("grep"):
        commands["curl"] = ["bash", "-c", copied["curl"]]
    if node := shutil.which("node"):
        commands["JavaScript"] = [node, "-e", copied["JavaScript"] + _RUN_IN_NODE]
    return {
        name: subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for name, command in commands.items()
    }


@pytest.mark.long
@pytest.mark.parametrize("content", [b"not a document at all", b""])
def test_what_cannot_be_read_is_said_in_place_of_stages(console, shared, content):
    page = console.page()
    page.goto(f"{CONSOLE}/try")
    page.locator("#company").fill(shared("trying", lambda console: console.company()))
    page.locator("#file").set_input_files({"name": "x.pdf", "mimeType": "application/pdf", "buffer": content})
    page.get_by_role("alert").wait_for()
    assert page.locator(".stages .failed").count() == 1
