"""The zip file that is deployed."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from devstack.setup.console import SetupProblem
from devstack.setup.package import IgnoreRules, write_package

ROOT = Path(__file__).resolve().parents[3]


def trigger(path, folder):
    with zipfile.ZipFile(path) as packed:
        config = json.loads(packed.read(f"{folder}/function.json"))
    return next(one for one in config["bindings"] if one["type"].endswith("Trigger"))


@pytest.mark.parametrize(("plan", "source"), [("flex", "EventGrid"), ("premium", None)])
def test_only_flex_consumption_is_fed_by_event_grid(tmp_path, plan, source):
    write_package(ROOT, plan, tmp_path / "app.zip")
    blob = trigger(tmp_path / "app.zip", "InvoiceBlobFunction")
    assert blob.get("source") == source
    assert (blob["path"], blob["dataType"]) == ("invoices/{name}", "binary")
    assert "source" not in trigger(tmp_path / "app.zip", "UsageRollupFunction")
    own = json.loads((ROOT / "InvoiceBlobFunction" / "function.json").read_text())
    assert "source" not in own["bindings"][0]


def test_the_package_holds_the_app_and_nothing_of_the_workshop(tmp_path):
    names = write_package(ROOT, "flex", tmp_path / "app.zip")
    tops = {name.split("/")[0] for name in names}
    functions = {path.parent.name for path in ROOT.glob("*/function.json")}
    assert functions | {"shared_code", "host.json", "requirements.txt", "manage.py"} <= tops
    foreign = {
        "tests",
        "devstack",
        "bench",
        "soak",
        "docs",
        ".git",
        ".venv",
        ".devstack",
        "local.settings.json",
        "dev.py",
    }
    assert not foreign & tops
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".sqlite", ".md"))]
    assert "shared_code/database/migrations/versions/m0001_seed_tables.py" in names


def test_the_same_files_make_the_same_package(tmp_path):
    write_package(ROOT, "flex", tmp_path / "1.zip")
    write_package(ROOT, "flex", tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_what_was_packaged_loads(tmp_path):
    write_package(ROOT, "flex", tmp_path / "app.zip")
    with zipfile.ZipFile(tmp_path / "app.zip") as packed:
        packed.extractall(tmp_path / "app")
    code = "import InvoiceBlobFunction, UsageRollupFunction, shared_code.bootstrap as b; print(b.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "app", capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip().startswith(str(tmp_path / "app")), done.stderr


def test_no_app_and_no_plan_are_said_so(tmp_path):
    with pytest.raises(SetupProblem, match=r"host\.json"):
        write_package(tmp_path, "flex", tmp_path / "app.zip")
    with pytest.raises(SetupProblem, match="premium"):
        write_package(ROOT, "consumption", tmp_path / "app.zip")


@pytest.mark.parametrize(
    ("line", "ignored", "kept"),
    [
        ("bench/", ["bench", "a/bench"], ["benches"]),
        ("*.md", ["README.md", "a/b.md"], ["md.py"]),
        ("/dev.py", ["dev.py"], ["a/dev.py"]),
        ("a/b", ["a/b"], ["c/a/b"]),
        ("**/x.py", ["x.py", "a/x.py"], ["ax.py"]),
        ("docs/**", ["docs/a/b"], ["docs"]),
        (".git*", [".git", ".gitignore"], ["a.git"]),
        ("v[0-9].txt", ["v1.txt"], ["vx.txt"]),
        ("# comment", [], ["# comment"]),
    ],
)
def test_ignore_rules_are_gitignores(line, ignored, kept):
    rules = IgnoreRules([line])
    assert [path for path in ignored if not rules.ignores(path, folder=True)] == []
    assert [path for path in kept if rules.ignores(path, folder=True)] == []


def test_the_last_rule_counts():
    rules = IgnoreRules(["*.txt", "!keep.txt"])
    assert rules.ignores("a.txt", folder=False)
    assert not rules.ignores("keep.txt", folder=False)
    assert not IgnoreRules(["docs/"]).ignores("docs", folder=False)
