"""What is deployed: a list, whatever lies in the folder; the same for the tools that read ``.funcignore``."""

import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from devstack.setup.console import SetupProblem
from devstack.setup.packaging.archive import write_package
from devstack.setup.packaging.contents import find_contents, function_folders, is_named, tracked_files

ROOT = Path(__file__).resolve().parents[3]
#: What has no place in a package, under names that lie about in project folders.
STRAYS = (
    ".env",
    ".env.local",
    "id_rsa",
    "local.settings.json",
    "invoices.db",
    "database.sqlite",
    "database.sqlite-wal",
    "appSetting.txt",
    "function_app.py",
    "notes.py",
    "dump.json",
    "my-state/secrets.json",
    "my-state/database.sqlite",
    ".devstack/secrets.json",
    ".venv/lib/python3.13/site-packages/x.py",
    "OldFunction/notes.md",
    "HealthFunction/.env",
    "HealthFunction/notes.py",
    "HealthFunction/sub/__init__.py",
    "shared_code/.env",
    "shared_code/id_rsa",
    "shared_code/secrets.json",
    "shared_code/state/secrets.json",
    "shared_code/state/database.db",
    "shared_code/.venv/x.py",
    "shared_code/__pycache__/errors.cpython-313.pyc",
    "shared_code/invoices/customer.json",
    "shared_code/console/static/notes.txt",
    "shared_code/console/templates/page.html.orig",
    "shared_code/console/static/page.pem",
    "tests/unit/test_a.py",
    "node_modules/left/index.js",
)
#: With a name that the list does have; only git tells that they are none of ours.
MODULES = ("shared_code/scratch.py", "shared_code/console/static/scratch.js")


def trigger(path, folder):
    with zipfile.ZipFile(path) as packed:
        config = json.loads(packed.read(f"{folder}/function.json"))
    return next(one for one in config["bindings"] if one["type"].endswith("Trigger"))


def plant(root, names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("secret")


def git(root, *arguments):
    done = subprocess.run(
        ["git", "-C", str(root), "-c", "core.excludesFile=/dev/null", *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A checkout of our files, every stray of all kinds beside them."""
    root = tmp_path_factory.mktemp("project")
    for name in (*find_contents(ROOT, untracked=True).names, "requirements.txt", "requirements.lock", ".funcignore"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes((ROOT / name).read_bytes())
    git(root, "init", "-q")
    git(root, "add", "-A", "-f")
    plant(root, STRAYS + MODULES)
    return root


@pytest.mark.parametrize(("plan", "source"), [("flex", "EventGrid"), ("premium", None)])
def test_only_flex_consumption_is_fed_by_event_grid(tmp_path, plan, source):
    write_package(ROOT, plan, tmp_path / "app.zip", untracked=True)
    blob = trigger(tmp_path / "app.zip", "InvoiceBlobFunction")
    assert blob.get("source") == source
    assert (blob["path"], blob["dataType"]) == ("invoices/{name}", "binary")
    assert "source" not in trigger(tmp_path / "app.zip", "UsageRollupFunction")
    own = json.loads((ROOT / "InvoiceBlobFunction" / "function.json").read_text())
    assert "source" not in own["bindings"][0]


def test_no_stray_file_is_packed(project, tmp_path):
    made = write_package(project, "flex", tmp_path / "app.zip")
    assert set(made.files) & {*STRAYS, *MODULES} == set()
    assert b"secret" not in {zipfile.ZipFile(made.target).read(name) for name in made.files}
    assert made.unknown == tuple(sorted(MODULES))
    assert set(made.files) == {*find_contents(ROOT, untracked=True).names, "requirements.txt"}


def test_modules_that_git_does_not_know_are_packed_on_demand(project, tmp_path):
    made = write_package(project, "flex", tmp_path / "app.zip", untracked=True)
    assert set(made.files) & {*STRAYS, *MODULES} == set(MODULES)


def test_a_link_is_not_packed(project, tmp_path):
    link = project / "shared_code" / "linked.py"
    link.symlink_to(project / "id_rsa")
    try:
        assert "shared_code/linked.py" not in write_package(project, "flex", tmp_path / "a.zip", untracked=True).files
    finally:
        link.unlink()


def test_every_file_of_the_product_is_on_the_list():
    known = tracked_files(ROOT)
    if known is None:
        pytest.skip("no git checkout")
    tops = {"shared_code", *function_folders(ROOT)}
    assert [name for name in known if name.split("/")[0] in tops and not is_named(name)] == []
    assert all(json.loads((ROOT / name / "function.json").read_text())["bindings"] for name in function_folders(ROOT))
    assert sorted(path.parent.name for path in ROOT.glob("*/function.json")) == function_folders(ROOT)


def test_funcignore_says_the_same_to_tools_with_the_rules_of_git(project):
    listed = git(project, "ls-files", "-c", "-o", "-z", "--ignored", "--exclude-from=.funcignore")
    everything = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    everything = {name for name in everything if not name.startswith(".git/")}
    deployed = everything - set(listed.split("\0"))
    assert deployed == {*find_contents(project, untracked=True).names, "requirements.txt"}


def test_funcignore_says_the_same_to_core_tools(project):
    accepts = core_tools((project / ".funcignore").read_text())
    names = [path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()]
    own = {".funcignore", ".gitignore", "local.settings.json", "project.lock.json"}
    deployed = {
        name
        for name in names
        if name.split("/")[0] not in {".git", ".vscode"} and name.split("/")[-1] not in own and accepts(name)
    }
    # Their patterns have no end, and their stars take dots: what goes on behind a name that is let in goes in as well.
    assert deployed - {"shared_code/console/templates/page.html.orig", "shared_code/.venv/x.py"} == {
        *find_contents(project, untracked=True).names,
        "requirements.txt",
    }


def core_tools(text):
    """``GitIgnoreParser`` of Azure Functions Core Tools 4: one expression of each kind, from the start of the path."""
    lines = [line.strip() for line in text.split("\n")]
    lines = [line for line in lines if line and not line.startswith("#")]
    negative = _one([line[1:].removeprefix("/") for line in lines if line.startswith("!")])
    positive = _one([line.removeprefix("/") for line in lines if not line.startswith("!")])
    return lambda name: bool(negative.match(name)) or not positive.match(name)


def _one(patterns):
    prepared = [re.sub(r"([-\[\]/{}()+?.\\^$|])", r"\\\1", pattern) for pattern in sorted(patterns)]
    prepared = [pattern.replace("**", "(.+)").replace("*", r"([^\/]+)") for pattern in prepared]
    return re.compile(f"^(({')|('.join(prepared)}))\\b", re.ASCII)


def test_no_app_and_no_plan_are_said_so(tmp_path):
    with pytest.raises(SetupProblem, match=r"host\.json"):
        write_package(tmp_path, "flex", tmp_path / "app.zip")
    with pytest.raises(SetupProblem, match="premium"):
        write_package(ROOT, "consumption", tmp_path / "app.zip")
