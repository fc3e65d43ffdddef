"""The HTTP app that the contract tests call: one small function per trap."""

from pathlib import Path

from tests.devstack.host.running import http_function, write_app

ECHO = """
import hashlib, json
import azure.functions as func

def main(req: func.HttpRequest) -> func.HttpResponse:
    body = req.get_body()
    seen = {
        "method": req.method, "url": req.url, "headers": dict(req.headers), "query": dict(req.params),
        "route": dict(req.route_params), "length": len(body), "sha256": hashlib.sha256(body).hexdigest(),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")
"""
FORM = """
import json
import azure.functions as func

def main(req: func.HttpRequest) -> func.HttpResponse:
    files = {key: [file.filename, file.content_type, len(file.read())] for key, file in req.files.items()}
    return func.HttpResponse(json.dumps({"files": files, "form": dict(req.form)}))
"""
ANSWER = """
import json
import azure.functions as func

def main(req: func.HttpRequest):
    kind = req.route_params["kind"]
    if kind == "boom":
        raise RuntimeError("the secret reason")
    if kind == "dict":
        return {"status": "ok"}
    if kind == "headers":
        answer = func.HttpResponse(b"x", status_code=201, headers={"X-One": "1", "Content-Length": "99"})
        answer.headers.add("Set-Cookie", "a=1; Path=/; HttpOnly; SameSite=Lax")
        answer.headers.add("Set-Cookie", "b=x/y==; Secure; Max-Age=60")
        return answer
    if kind == "badheader":
        return func.HttpResponse("x", headers={"X-Name": "caf\\u00e9"})
    if kind == "badcookie":
        return func.HttpResponse("x", headers={"Set-Cookie": "a=1; Expires=Sat, 21-Nov-2026 00:00:00 GMT"})
    if kind == "nocontent":
        return func.HttpResponse(status_code=204)
    if kind == "none":
        return None
    return func.HttpResponse(kind)
"""
TEXT = """
import json
import azure.functions as func

def main(req: func.HttpRequest) -> str:
    return req.get_body().decode()
"""
ASYNC = """
import asyncio
import azure.functions as func

async def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    await asyncio.sleep(0)
    trace = context.trace_context.trace_parent
    return func.HttpResponse(f"{context.function_name} {len(context.invocation_id)} {trace}")
"""
IMPORTS = """
import json, os, sys
import azure.functions as func
from shared import place
from ..shared import place as relative

def main(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps([place.__name__, relative.__name__, os.getcwd(), __name__]))
"""
LOGS = """
import logging
import azure.functions as func

def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    logging.info("a line of the function")
    logging.getLogger("some.library").warning("a warning of a library")
    print("printed by the function")
    return func.HttpResponse(context.invocation_id)
"""
SETTINGS = """
import json, os
import azure.functions as func

def main(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps({name: os.environ.get(name) for name in ("FROM_FILE", "WINS", "EMPTY", "NOTHING", "YES")}))
"""
SLOW = """
import time
from pathlib import Path
import azure.functions as func

def main(req: func.HttpRequest) -> func.HttpResponse:
    gate = Path(req.params["gate"])
    gate.with_suffix(".begun").touch()
    while not gate.exists():
        time.sleep(0.02)
    return func.HttpResponse("done")
"""

FUNCTIONS = {
    "Answer": http_function(ANSWER, route="answer/{kind}"),
    "Async": http_function(ASYNC),
    "BadBinding": ({"bindings": []}, ECHO),
    "BadImport": http_function("import a_module_that_is_missing\n"),
    "BadJson": ("{", ECHO),
    "BadRoute": http_function(ECHO, route="admin/mine"),
    "BadSetting": http_function(ECHO, route="%NOT_SET%/x"),
    "BadSignature": http_function("def main(other):\n    return None\n"),
    "Echo": http_function(ECHO, route="echo/{number?}", methods=["get", "POST", "head"]),
    "Form": http_function(FORM, methods=["post"]),
    "Imports": http_function(IMPORTS),
    "Logs": http_function(LOGS),
    "Off": http_function(ECHO),
    "Over1": http_function(ECHO, route="over/{anything}"),
    "Over2": http_function(ECHO, route="over/fixed"),
    "Rest": http_function(ECHO, route="%REST%/{*path}"),
    "Settings": http_function(SETTINGS),
    "Slow": http_function(SLOW),
    "Text": http_function(TEXT, methods=["post"]),
}


def write_http_app(root: Path) -> Path:
    values = {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "PYTHON_THREADPOOL_THREAD_COUNT": "8",
        "AzureWebJobs.Off.Disabled": "true",
        "REST": "rest",
        "FROM_FILE": "file",
        "WINS": "file",
        "EMPTY": "",
        "NOTHING": None,
        "YES": True,
    }
    write_app(root, FUNCTIONS, values=values)
    (root / "shared").mkdir()
    (root / "shared" / "place.py").write_text("")
    (root / "notafunction").mkdir()
    (root / "NoInit").mkdir()
    (root / "NoInit" / "function.json").write_text(
        '\ufeff{"scriptFile": "only.py", "entryPoint": "go", "bindings": [{"name": "req", "type": "HTTPTRIGGER", "authLevel": "Anonymous"}, {"name": "$return", "type": "http", "direction": "out"}]}',
        encoding="utf-8",
    )
    (root / "NoInit" / "only.py").write_text(ECHO.replace("def main", "def go"))
    return root
