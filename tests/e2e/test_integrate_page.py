"""Every snippet of docs/integrate.md: run where its tool is at hand, else parsed."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import types
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
import tree_sitter
import tree_sitter_c_sharp

from devstack.browser import find_browser
from devstack.setup.ports import free_ports
from shared_code.webhooks.signature import new_secret, signed_headers

from .calling import SAMPLES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "integrate.md").read_text(encoding="utf-8")
CHROMIUM = find_browser()
BODY = b'{"type":"extraction.done"}'


def snippets(title, language):
    """The snippets of a language in a section."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)\n```", section, re.DOTALL)


def snippet(title, language):
    (found,) = snippets(title, language)
    return found


def run(*command, **options):
    environment = os.environ | {"no_proxy": "*"}
    return subprocess.run(
        [*map(str, command)], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90, **options
    )


@pytest.fixture(scope="module")
def page():
    """The origin of a page of another program, which the stack lets call: its server, and what the page has told."""
    port = free_ports(1)[0]
    return types.SimpleNamespace(port=port, origin=f"http://127.0.0.1:{port}")


@pytest.fixture(scope="module")
def host(page, tmp_path_factory):
    from .conftest import RunningStack

    running = RunningStack(tmp_path_factory.mktemp("stack"), "--port", free_ports(1)[0], "--cors", page.origin)
    try:
        yield running.wait_until_ready()["host"]
        assert running.end() == 0, running.console
    finally:
        running.abandon()


def test_no_snippet_is_left_out():
    kinds = re.findall(r"```(\w*)\n", PAGE)
    assert sorted(filter(None, kinds)) == sorted(
        ["sh", "python", "python", "csharp", "csharp", "javascript", "javascript", "json"]
    )


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="no curl or bash")
def test_curl(host, tmp_path):
    command = (
        snippet("curl", "sh").replace("http://localhost:7071", host).replace("answer.json", str(tmp_path / "a.json"))
    )
    done = run("bash", "-c", command)
    assert done.returncode == 0, done.stderr
    answer, _, table = done.stdout.partition("reading_id,")
    data = json.loads(answer)["data"]
    assert (data["state"], data["invoices"][0]["total"]) == ("done", "76440.00")
    assert table.startswith("company_id,file,invoice,")
    assert len(table.splitlines()) == 1 + len(data["invoices"][0]["line_items"])


def test_python(host, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(snippet("Python", "python").replace("http://localhost:7071", host))
    done = run(sys.executable, "-I", program)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("done ['")


class Page(BaseHTTPRequestHandler):
    """A page with a script, the document that it sends, and what it tells at the end."""

    def __init__(self, told, script, *arguments):
        self.told, self.script = told, script
        super().__init__(*arguments)

    def do_GET(self):
        if self.path == "/invoice.pdf":
            self.reply("application/pdf", (SAMPLES / "export-invoice-usd.pdf").read_bytes())
        else:
            self.reply(
                "text/html; charset=utf-8", f"<!doctype html><script type=module>{self.script}</script>".encode()
            )

    def do_POST(self):
        self.told.answer = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.reply("text/plain", b"")
        self.told.done.set()

    def reply(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


TELL = """
const tell = (what) => fetch("/told", { method: "POST", body: JSON.stringify(what) });
try {
  const file = new File([await (await fetch("/invoice.pdf")).arrayBuffer()], "invoice.pdf", { type: "application/pdf" });
  await tell(await readInvoice(file));
} catch (error) {
  await tell({ failed: String(error) });
}
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_javascript_in_a_browser(host, page, tmp_path):
    told = types.SimpleNamespace(done=Event(), answer=None)
    script = snippet("JavaScript in the browser", "javascript").replace("http://localhost:7071", host) + TELL
    server = ThreadingHTTPServer(("127.0.0.1", page.port), partial(Page, told, script))
    Thread(target=server.serve_forever, daemon=True).start()
    options = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
        *("--disable-background-networking", "--disable-component-update", f"--user-data-dir={tmp_path / 'profile'}"),
        *("--no-proxy-server", "--remote-debugging-port=0"),
    )
    log = tmp_path / "chromium.log"
    with log.open("wb") as output:
        browser = subprocess.Popen([CHROMIUM, *options, page.origin], stdout=output, stderr=output)
    try:
        assert told.done.wait(60), log.read_text(errors="replace")[-3000:]
    finally:
        browser.terminate()
        browser.wait(timeout=20)
        server.shutdown()
        server.server_close()
    assert told.answer.get("state") == "done", told.answer
    assert told.answer["invoices"][0]["currency"] == "USD"


def test_csharp_is_well_formed():
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_c_sharp.language()))
    for code in (*snippets("C#", "csharp"), *snippets("Webhooks", "csharp")):
        tree = parser.parse(code.encode())
        assert not tree.root_node.has_error, tree.root_node
    assert parser.parse(b"using var x = new ;").root_node.has_error, "the parser must find an error"


def test_the_actions_of_power_automate_are_well_formed():
    actions = json.loads(snippet("Power Automate, Logic Apps", "json"))

    def check(actions):
        for name, action in actions.items():
            assert action["type"] in {"Http", "Until", "Wait"}, name
            assert set(action["runAfter"]) <= actions.keys(), name
            if action["type"] == "Http":
                assert action["inputs"].keys() <= {"method", "uri", "headers", "body"}, name
            if action["type"] == "Until":
                assert action.keys() == {"type", "runAfter", "expression", "limit", "actions"}
                check(action["actions"])

    check(actions)
    text = json.dumps(actions)
    for expression in re.findall(r'"@[^"{]*"', text):
        assert expression.count("(") == expression.count(")"), expression
        assert expression.count("[") == expression.count("]"), expression
    assert actions["Upload"]["operationOptions"] == "DisableAsyncPattern"


def message(secret, *, at=None, secrets=None):
    stamp = int(time.time() if at is None else at)
    return signed_headers(secrets or [secret], message_id="msg_1", timestamp=stamp, body=BODY)


def cases():
    """Secret, headers, body, and whether they are right."""
    secret, other = new_secret(), new_secret()
    now = time.time()
    yield secret, message(secret), BODY, True
    yield secret, message(secret, secrets=[other, secret]), BODY, True
    yield other, message(secret), BODY, False
    yield secret, message(secret), BODY + b" ", False
    yield secret, message(secret, at=now - 330), BODY, False
    yield secret, message(secret, at=now + 330), BODY, False
    yield secret, message(secret) | {"webhook-id": "msg_2"}, BODY, False
    yield secret, message(secret) | {"webhook-signature": "v1,AAAA"}, BODY, False


def test_webhooks_are_verified_in_python():
    names = {}
    exec(snippet("Webhooks", "python"), names)
    for secret, headers, body, right in cases():
        assert names["verify"](secret, headers, body) is right, headers


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js")
def test_webhooks_are_verified_in_javascript(tmp_path):
    (tmp_path / "verify.mjs").write_text(snippet("Webhooks", "javascript"))
    given = [{"secret": secret, "headers": headers, "body": body.decode()} for secret, headers, body, _ in cases()]
    expected = [right for *_, right in cases()]
    (tmp_path / "run.mjs").write_text(
        'import { verify } from "./verify.mjs";\n'
        f"const cases = {json.dumps(given)};\n"
        "console.log(JSON.stringify(cases.map((one) => verify(one.secret, one.headers, Buffer.from(one.body)))));\n"
    )
    done = run("node", tmp_path / "run.mjs")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == expected
