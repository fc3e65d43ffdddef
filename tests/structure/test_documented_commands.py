"""Each command that a page shows exists, with each of its options: no page tells to type what is refused.

Those of ``manage.py`` are run besides (tests/integration/cli/test_documented_commands.py); what pages promise of answers
is compared by the tests of those pages in tests/e2e.
"""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer

from devstack.setup import command_line
from shared_code.cli.main import build_app
from tests.documented_commands import PAGES, ROOT, everything, simple_commands

COMMANDS = everything()
#: what typer says of a wrong command line
REFUSED = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
CLI = typer.main.get_command(build_app())
PATHS = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))["paths"]
#: programs of others, and why they are not run here
NOT_OURS = {
    "az": "asks Azure",
    "azd": "asks Azure",
    "func": "Azure Functions Core Tools, from Microsoft's own servers",
    "npx": "starts the storage emulator, which the tests start themselves",
    "npm": "a package registry",
    "docker": "no containers here",
    "git": "a repository's address",
    "gh": "asks GitHub",
    "sqlcmd": "Microsoft's own client",
    "psql": "PostgreSQL's own client",
    "openapi-python-client": "run by tests/e2e/test_generated_client.py",
    "mkdocs": "run by tests/structure/test_site.py",
    "pre-commit": "asks GitHub",
    "uv": "a package registry",
    "pip": "a package registry",
    "ruff": "run by dev.py check",
    "mypy": "run by dev.py check",
    "pytest": "runs this",
    "code": "an editor",
    "bicep": "Microsoft's own compiler",
    "ls": "lists files",
    "unzip": "unpacks",
}
#: of the shell itself, or on every machine
_BUILT_IN = "export set . cd printf echo [ until do done sleep grep cat eval if then fi for exit mkdir cp rm"
SHELL = {*_BUILT_IN.split(), "tr", "cut", "sort", "head", "sha256sum"}
PLACEHOLDER = re.compile(r"\.\.\.|[<>\[\]]|…")


def test_every_page_is_read():
    assert len(PAGES) > 15
    assert len(COMMANDS) > 200
    assert len([one for one in COMMANDS if one.words[:2] == ("python", "manage.py") and one.is_typed]) > 120


def test_a_line_is_split_as_a_shell_splits_it():
    line = 'A=1 printf %s "a | b" | python manage.py tokens add X --name "Y; Z" && curl -s "$HOST/x?a=1&b=2" # why'
    assert simple_commands(line) == [
        ("printf", "%s", "a | b"),
        ("python", "manage.py", "tokens", "add", "X", "--name", "Y; Z"),
        ("curl", "-s", "$HOST/x?a=1&b=2"),
    ]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with what pages name, so that options that take files can be read."""
    for name in ("samples", "tests", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "my-invoices").mkdir()
    for name in ("invoice.pdf", "invoice.xml", "FILE"):
        (tmp_path / name).write_bytes(b"%PDF-1.4")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEGACY_DATABASE", "sqlite:///earlier.db")


def leaf_of(words):
    """The command behind the words, and those that are its arguments; fails where there is no such command."""
    command, rest = CLI, list(words)
    while hasattr(command, "commands"):
        if not rest or rest[0].startswith("-"):
            break
        found = command.commands.get(rest[0])
        assert found is not None, f"no command {rest[0]!r}"
        command, rest = found, rest[1:]
    return command, rest


def _expanded(word):
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]


def check_manage(shown):
    command, arguments = leaf_of(shown.words[2:])
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    options |= {"--help", "--install-completion", "--show-completion"}
    for word in arguments:
        if word.startswith("--"):
            assert word.partition("=")[0] in options, f"no option {word}"
    is_whole = shown.is_typed and "--help" not in arguments and not hasattr(command, "commands")
    if is_whole and not PLACEHOLDER.search(" ".join(arguments)):
        given = [path for word in arguments for path in _expanded(word)]
        command.make_context(shown.words[2], given)


def check_dev(shown):
    arguments = [word for word in shown.words[2:] if not PLACEHOLDER.search(word)]
    if not arguments or arguments[0] in command_line._PASSING or "--help" in arguments:
        assert not arguments or arguments[0] in {*command_line._PASSING, "run", "check", "package", "lock", "audit"}
        return
    parser = command_line._parser()
    known = {action for group in parser._subparsers._group_actions for action in group.choices}
    assert arguments[0] in known, f"dev.py has no command {arguments[0]!r}"
    options = set(parser._subparsers._group_actions[0].choices[arguments[0]]._option_string_actions)
    assert {word for word in arguments[1:] if word.startswith("--")} <= options


def check_curl(shown):
    addresses = [word for word in shown.words if re.match(r"(https?://|\$HOST)", word)]
    assert addresses, "curl without an address"
    method = next((shown.words[at + 1] for at, word in enumerate(shown.words) if word in {"-X", "--request"}), None)
    for address in addresses:
        path = re.sub(r"^(https?://[^/]+|\$HOST)", "", address).partition("?")[0]
        if not path or "$where" in address or address.startswith("https://"):
            continue
        path = path if path.startswith("/api") else f"/api{path}"
        if path.startswith("/api/manage/console") or path == "/api/manage/openapi.json":
            continue
        known = [shape for shape in PATHS if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", shape), path)]
        assert known, f"no address {path}"
        assert method in {None, "OPTIONS"} or any(method.lower() in PATHS[shape] for shape in known), (
            f"{path} takes no {method}"
        )


def check_python(shown):
    second = shown.words[1] if len(shown.words) > 1 else ""
    if second == "-m":
        module = shown.words[2]
        assert find_spec(module.split(".")[0]) is not None, f"no module {module}"
        if module.startswith(("devstack", "shared_code", "tests", "bench")):
            assert find_spec(module) is not None, f"no module {module}"
    elif second == "manage.py":
        check_manage(shown)
    elif second == "dev.py":
        check_dev(shown)
    else:
        assert second in {"-c", "--version"} or Path(ROOT / second).exists(), f"no {second}"


@pytest.mark.usefixtures("folder")
def test_every_command_of_every_page_is_understood():
    wrong = []
    for shown in COMMANDS:
        program = shown.words[0].rpartition("/")[2] or shown.words[0]
        try:
            if program.startswith("python"):
                check_python(shown)
            elif program == "manage.py":
                pass  # ./manage.py: the same, by its own first line
            elif program == "curl":
                check_curl(shown)
            else:
                assert program in NOT_OURS or program in SHELL, f"what is {program}?"
        except (AssertionError, REFUSED, SystemExit) as error:
            wrong.append(f"{shown}\n    {getattr(error, 'message', None) or error}")
    assert wrong == [], "\n".join(wrong)
