"""The zip file: the same bytes each time, with bytecode that is used, and all that the app needs."""

import importlib.util
import json
import os
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from devstack.gemini import GeminiStandIn
from devstack.setup.console import SetupProblem
from devstack.setup.packaging.archive import write_package
from devstack.setup.packaging.bytecode import can_compile
from devstack.setup.packaging.contents import find_contents
from devstack.setup.packaging.trial import try_package
from shared_code.bootstrap import build_services
from shared_code.database.stores.keys import token_keys
from shared_code.settings import Settings
from tests.devstack.host.azurite import running_azurite
from tests.devstack.host.running import Host

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(sys.executable)
RING = "test:" + "A" * 43 + "="
HASH_BASED, CHECKED = 0b01, 0b10
needs_target = pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="bytecode is made by Python 3.13")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return write_package(ROOT, "flex", tmp_path_factory.mktemp("package") / "app.zip", python=PYTHON, untracked=True)


@needs_target
def test_the_same_files_make_the_same_package(tmp_path):
    """Wherever they lie, whenever they were written, and whichever ends of lines git has given them."""
    made, files = [], {}
    for number, ends in enumerate((b"\n", b"\r\n")):
        project = tmp_path / f"project-{number}"
        for name in (*find_contents(ROOT, untracked=True).names, "requirements.txt", "requirements.lock"):
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_bytes(files.setdefault(name, (ROOT / name).read_bytes()).replace(b"\n", ends))
        made.append(write_package(project, "flex", tmp_path / f"{number}.zip", python=PYTHON))
    assert made[0].digest == made[1].digest
    assert made[0].target.read_bytes() == made[1].target.read_bytes()


@needs_target
def test_every_module_has_bytecode_that_no_time_stamp_can_make_invalid(package):
    """PEP 552: the second word of the file. One that is checked would be read with its source each time."""
    sources = {name for name in package.files if name.endswith(".py") and "/" in name}
    with zipfile.ZipFile(package.target) as packed:
        compiled = {name: packed.read(name)[:16] for name in package.files if name.endswith(".pyc")}
    made_of = {name.replace("__pycache__/", "").replace(".cpython-313.pyc", ".py") for name in compiled}
    assert made_of == sources
    assert {head[:4] for head in compiled.values()} == {importlib.util.MAGIC_NUMBER}
    assert {struct.unpack("<I", head[4:8])[0] for head in compiled.values()} == {HASH_BASED}


@needs_target
def test_bytecode_belongs_to_the_source_beside_it_and_names_no_folder_of_this_machine(package):
    with zipfile.ZipFile(package.target) as packed:
        source = packed.read("shared_code/errors.py")
        compiled = packed.read("shared_code/__pycache__/errors.cpython-313.pyc")
        everything = b"".join(packed.read(name) for name in package.files)
    assert compiled[8:16] == importlib.util.source_hash(source)
    assert b"shared_code/errors.py" in compiled
    assert str(ROOT).encode() not in everything


@needs_target
def test_bytecode_is_used_where_times_differ_and_nothing_can_be_written(package, tmp_path):
    with zipfile.ZipFile(package.target) as packed:
        packed.extractall(tmp_path)
    for path in tmp_path.rglob("*.py"):
        os.utime(path, (time.time(), time.time()))
    code = "import shared_code.errors, InvoiceBlobFunction"
    done = subprocess.run(
        [sys.executable, "-v", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"# {tmp_path}/shared_code/__pycache__/errors.cpython-313.pyc matches" in done.stderr
    assert f"# code object from {str(tmp_path)!r}" not in done.stderr.replace("__pycache__", "")
    assert f"# code object from '{tmp_path}/shared_code/errors.py'" not in done.stderr


def test_another_python_packs_no_bytecode(tmp_path):
    assert not can_compile(tmp_path / "no-python")
    made = write_package(ROOT, "premium", tmp_path / "app.zip", untracked=True)
    assert not made.compiled
    assert not [name for name in made.files if name.endswith(".pyc")]


def test_a_package_that_lacks_a_module_is_not_handed_on(package, tmp_path):
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(package.target) as whole, zipfile.ZipFile(broken, "w") as packed:
        for name in package.files:
            if "labels" not in name:
                packed.writestr(name, whole.read(name))
    with pytest.raises(SetupProblem, match=r"labels.*git add"):
        try_package(broken, PYTHON, compiled=False)


#: Notes each file of a folder that the process opens, but for those of the folder's virtual environment.
WATCH = """
import os, sys
root = os.environ["FORBIDDEN"] + os.sep
def look(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path = os.path.abspath(os.fsdecode(arguments[0]))
        if path.startswith(root) and not path.startswith(root + ".venv" + os.sep):
            os.write(descriptor, (path + "\\n").encode())
descriptor = os.open(os.environ["WATCH_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
sys.addaudithook(look)
"""


def test_it_serves_an_upload_alone(package, tmp_path):
    """The unpacked files with the present environment: whatever they read of the checkout is noted."""
    log = tmp_path / "opened.log"
    upload(package.target, tmp_path, sys.executable, {"FORBIDDEN": str(ROOT), "WATCH_LOG": str(log)})
    assert log.read_text().splitlines() == []


@pytest.mark.long
@pytest.mark.skipif(sys.version_info[:2] != (3, 13) or sys.platform != "linux", reason="the packages are locked for it")
def test_it_serves_an_upload_with_its_own_requirements_alone(package, tmp_path):
    """A new environment with the packages of its requirements.txt, each checked by its digest, and none besides."""
    app = unpacked(package.target, tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([*pip, "--only-binary", ":all:", "-r", str(app / "requirements.txt")], check=True, timeout=600)
    # The local host reads timer schedules with a package that the app has no use for.
    extra = tmp_path / "host-only"
    host = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*host, "--target", str(extra), "croniter"], check=True, timeout=300)
    upload(package.target, tmp_path, str(python), {"MORE_PATH": str(extra)})


def unpacked(package, folder):
    app = folder / "app"
    if not app.exists():
        with zipfile.ZipFile(package) as packed:
            packed.extractall(app)
    return app


def upload(package, folder, python, environment):
    """Start the local host over the unpacked package, send it an invoice, and look at the answer and the health."""
    app, tools = unpacked(package, folder), folder / "tools"
    tools.mkdir()
    # A host without the project around it.
    for path in (ROOT / "devstack").rglob("*.py"):
        target = tools / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    if "WATCH_LOG" in environment:
        (tools / "sitecustomize.py").write_text(WATCH)
    path = os.pathsep.join(filter(None, [str(tools), environment.pop("MORE_PATH", "")]))
    with running_azurite(folder / "azurite") as storage, GeminiStandIn() as gemini:
        settings = {
            "AzureWebJobsStorage": storage,
            "DATABASE_URL": f"sqlite:///{folder / 'test.db'}",
            "GEMINI_BASE_URL": gemini.url,
            "TOKEN_ENCRYPTION_KEYS": RING,
            "ROLLUP_SCHEDULE": "0 0 0 1 1 *",
            "FUNCTIONS_WORKER_RUNTIME": "python",
        }
        add_company(settings)
        watched = {**settings, **environment, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        with Host(app, ("--blob-poll-seconds", "0.1"), watched, python=python) as host:
            health = host.get("/api/health/ready")
            assert health.status == 200, host.log
            answer = host.request(
                "POST",
                "/api/extract?companyID=NT047",
                (ROOT / "samples" / "ghana-vat-invoice.pdf").read_bytes(),
                {"Content-Type": "application/pdf"},
            )
            assert answer.status == 200, f"{answer.body}{host.log}"
            assert answer.json["data"]["usage"]["total_tokens"] > 0
            listed = json.loads(host.get("/admin/functions").body)
            assert {one["name"] for one in listed} == {path.parent.name for path in ROOT.glob("*/function.json")}
            assert "<html" in host.get("/api/manage/console/sign-in").body.decode()


def add_company(settings):
    values = {name.lower(): value for name, value in settings.items() if name.upper() == name}
    for field in ("rollup_schedule", "functions_worker_runtime"):
        values.pop(field, None)
    made = {"azure_sql_connection_string": None, "azurewebjobsstorage": settings["AzureWebJobsStorage"], **values}
    services = build_services(Settings(**made)).ready()
    try:
        new = token_keys.NewToken("NT047", "AIzaTestPackage", "NT047", total_token_limit=50_000_000)
        services.database.run(lambda connection: token_keys.add_token(connection, services.cipher, new))
    finally:
        services.close()
