"""The files that GitHub, editors and tools read: well formed, true to the project, and careful with rights."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from devstack.setup import command_line
from shared_code import __version__

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCHEMAS = {
    ".github/workflows/ci.yml": "vendor.github-workflows",
    ".github/dependabot.yml": "vendor.dependabot",
    ".github/ISSUE_TEMPLATE/bug.yml": "vendor.github-issue-forms",
    ".github/ISSUE_TEMPLATE/idea.yml": "vendor.github-issue-forms",
    ".github/ISSUE_TEMPLATE/config.yml": "vendor.github-issue-config",
}
JSON_FILES = (
    "host.json", "local.settings.json", "docs/openapi.json", ".devcontainer/devcontainer.json",
    ".vscode/extensions.json", ".vscode/launch.json", ".vscode/settings.json", ".vscode/tasks.json",
)  # fmt: skip


def yaml(path):
    return YAML(typ="safe").load((ROOT / path).read_text(encoding="utf-8"))


def steps():
    for path in WORKFLOWS:
        for name, job in yaml(path)["jobs"].items():
            yield from ((f"{path.name}:{name}", step) for step in job["steps"])


def commands_of_dev_py():
    parser = command_line._parser()
    return {"test", "bench", "soak", *parser._subparsers._group_actions[0].choices}


def test_every_file_with_a_schema_keeps_it():
    """The schemas come with check-jsonschema: nothing is fetched."""
    from check_jsonschema import main as check_jsonschema  # takes seconds

    assert {path.relative_to(ROOT).as_posix() for path in WORKFLOWS} <= set(SCHEMAS)
    for path, schema in SCHEMAS.items():
        done = CliRunner().invoke(check_jsonschema, ["--builtin-schema", schema, str(ROOT / path)])
        assert done.exit_code == 0, f"{path}: {done.output}"


@pytest.mark.parametrize("name", JSON_FILES)
def test_json_is_json(name):
    assert isinstance(json.loads((ROOT / name).read_text(encoding="utf-8")), dict)


def test_yaml_is_yaml():
    files = [*ROOT.glob(".github/**/*.yml"), *ROOT.glob("*.yml"), *ROOT.glob("*.yaml"), *ROOT.glob(".*.yaml")]
    assert len(files) >= 5
    for path in files:
        if path.name == "mkdocs.yml":
            continue  # has tags of its own
        assert yaml(path), path


def test_workflows_have_the_least_rights_and_pinned_actions():
    for path in WORKFLOWS:
        workflow = yaml(path)
        assert workflow["permissions"] == {"contents": "read"}, path
        assert all("permissions" not in job for job in workflow["jobs"].values())
        assert "secrets." not in path.read_text(encoding="utf-8")
        assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())
    used = [(where, step["uses"]) for where, step in steps() if "uses" in step]
    assert [each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each[1])] == []
    checkouts = [step for _, step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_pinned_actions_say_their_version():
    for path in WORKFLOWS:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
        assert all(re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in lines)


def test_workflows_call_commands_that_there_are():
    called = {match for _, step in steps() for match in re.findall(r"python dev\.py (\w+)", step.get("run", ""))}
    assert {"check", "test", "package", "audit", "soak"} <= called <= commands_of_dev_py()
    versions = yaml(WORKFLOWS[0])["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert versions == ["3.13", "3.14"]


def test_editors_call_commands_that_there_are():
    tasks = json.loads((ROOT / ".vscode" / "tasks.json").read_text())["tasks"]
    shell = [task["command"] for task in tasks if task["type"] == "shell"]
    assert {command.split()[2] for command in shell} <= commands_of_dev_py()
    launches = json.loads((ROOT / ".vscode" / "launch.json").read_text())["configurations"]
    assert {one["preLaunchTask"] for one in launches if "preLaunchTask" in one} <= {task["label"] for task in tasks}
    programs = [one["program"].removeprefix("${workspaceFolder}/") for one in launches if "program" in one]
    assert programs
    assert all((ROOT / program).is_file() for program in programs)
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    recommended = json.loads((ROOT / ".vscode" / "extensions.json").read_text())["recommendations"]
    assert container["customizations"]["vscode"]["extensions"] == recommended
    assert container["forwardPorts"] == [
        json.loads((ROOT / "local.settings.json").read_text())["Host"]["LocalHttpPort"]
    ]


def test_the_hooks_run_the_ruff_that_the_project_runs():
    wanted = re.search(r"^ruff>=([\d.]+),<([\d.]+)$", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)
    hooks = {one["repo"]: one["rev"] for one in yaml(".pre-commit-config.yaml")["repos"]}
    revision = hooks["https://github.com/astral-sh/ruff-pre-commit"]
    assert revision.startswith(f"v{wanted[1]}.")


def test_the_version_has_one_place():
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "shared_code.__version__"}
    assert json.loads((ROOT / "docs" / "openapi.json").read_text())["info"]["version"] == __version__


def test_the_page_on_security_has_what_a_reporter_and_a_reader_look_for():
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert {"Report a weak spot", "Who may do what", "What is stored", "What leaves", "Threats"} <= set(heads)
    major_minor = ".".join(__version__.split(".")[:2])
    assert f"{major_minor}.x" in page
    for path in re.findall(r"`((?:docs|shared_code|tests)/[\w./-]+)`", page):
        assert (ROOT / path).exists() or (ROOT / f"{path}.py").exists(), path
