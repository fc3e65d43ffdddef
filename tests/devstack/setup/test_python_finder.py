import json
import stat
import sys

import pytest

from devstack.setup.console import SetupProblem
from devstack.setup.python_finder import candidates, find_python, probe

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stand-ins for interpreters are shell scripts")


@pytest.fixture
def interpreter(tmp_path):
    """Makes a program that answers the probe like a Python of the given kind."""

    def make(name, version, *, has_venv=True, final=True, free_threaded=False):
        answer = {
            "version": version,
            "final": final,
            "executable": str(tmp_path / name),
            "has_venv": has_venv,
            "free_threaded": free_threaded,
        }
        return [script(tmp_path / name, f"echo '{json.dumps(answer)}'")]

    return make


def script(path, body):
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_the_running_interpreter_is_found_behind_its_virtual_environment():
    found = probe([sys.executable])
    assert found.version == sys.version_info[:3]
    assert ".venv" not in found.executable


def test_3_13_is_taken_before_a_newer_one(interpreter):
    found = find_python([interpreter("new", [3, 14, 1]), interpreter("exact", [3, 13, 2])])
    assert found.version == (3, 13, 2)


def test_a_newer_one_serves_where_there_is_no_3_13(interpreter):
    assert find_python([interpreter("old", [3, 12, 9]), interpreter("new", [3, 14, 0])]).version == (3, 14, 0)


def test_shims_and_things_that_are_no_python_are_passed_over(tmp_path, interpreter):
    shim = [script(tmp_path / "shim", "echo 'pyenv: python3.13: command not found' >&2; exit 127")]
    chatty = [script(tmp_path / "chatty", "echo hello")]
    missing = [str(tmp_path / "missing")]
    assert find_python([shim, chatty, missing, interpreter("good", [3, 13, 0])]).version == (3, 13, 0)


def test_builds_without_wheels_are_passed_over(interpreter):
    with pytest.raises(SetupProblem):
        find_python(
            [interpreter("beta", [3, 15, 0], final=False), interpreter("threads", [3, 13, 1], free_threaded=True)]
        )


def test_without_any_the_message_says_what_to_install():
    with pytest.raises(SetupProblem, match=r"needs Python 3\.13") as caught:
        find_python([])
    assert "install" in str(caught.value)


def test_a_python_without_venv_is_named_with_the_package_that_lacks(interpreter):
    with pytest.raises(SetupProblem, match=r"apt install python3\.13-venv"):
        find_python([interpreter("bare", [3, 13, 5], has_venv=False)])


def test_every_folder_of_path_is_looked_at(tmp_path, monkeypatch):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        script(folder / "python3.13", "exit 1")
    monkeypatch.setenv("PATH", ":".join(map(str, folders)))
    named = [command[0] for command in candidates()]
    assert [str(folder / "python3.13") for folder in folders] == [name for name in named if str(tmp_path) in name]
