import os
import stat
import sys

import pytest

from devstack.setup.azurite import VERSION, binary, connection_string, ensure_azurite
from devstack.setup.console import SetupProblem

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stand-ins for npm are shell scripts")

_INSTALLS = """
mkdir -p node_modules/azurite/dist/src node_modules/.bin
echo entry > node_modules/azurite/dist/src/azurite.js
echo bin > node_modules/.bin/azurite
echo "$@" >> "{log}"
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Puts a node and an npm with the given body on PATH; returns the project's root."""
    tools = tmp_path / "tools"
    tools.mkdir()

    def make(npm):
        for name, body in (("node", "exit 0"), ("npm", npm)):
            if body is not None:
                (tools / name).write_text(f"#!/bin/sh\n{body}\n")
                (tools / name).chmod(stat.S_IRWXU)
        # mkdir and the shell itself stay reachable, a real node beside them does not.
        for name in ("mkdir", "sh"):
            (tools / name).symlink_to(f"/bin/{name}")
        monkeypatch.setenv("PATH", str(tools))
        root = tmp_path / "project"
        root.mkdir()
        return root

    return make


def test_it_is_installed_once(machine, tmp_path):
    log = tmp_path / "npm.log"
    root = machine(_INSTALLS.format(log=log))
    first, second = ensure_azurite(root), ensure_azurite(root)
    assert first == second
    assert first[1].endswith("azurite.js")
    assert log.read_text().count(f"azurite@{VERSION}") == 1
    assert binary(root).exists()


def test_another_version_is_replaced(machine, tmp_path):
    log = tmp_path / "npm.log"
    root = machine(_INSTALLS.format(log=log))
    ensure_azurite(root)
    (root / ".devstack" / "node" / "azurite-version").write_text("1.0.0")
    ensure_azurite(root)
    assert log.read_text().count(f"azurite@{VERSION}") == 2


def test_an_install_that_was_cut_off_is_begun_again(machine, tmp_path):
    root = machine(_INSTALLS.format(log=tmp_path / "npm.log"))
    part = root / ".devstack" / "node.part"
    part.mkdir(parents=True)
    (part / "leftover").write_text("")
    ensure_azurite(root)
    assert not part.exists()
    assert not (root / ".devstack" / "node" / "leftover").exists()


def test_failed_npm_is_a_problem_and_leaves_nothing_that_looks_done(machine):
    root = machine("exit 7")
    with pytest.raises(SetupProblem, match=r"npm could not install Azurite \(exit 7\)"):
        ensure_azurite(root)
    assert not (root / ".devstack" / "node").exists()


def test_missing_npm_is_named_with_what_to_install(machine):
    root = machine(None)
    with pytest.raises(SetupProblem, match="no `npm` is on PATH"):
        ensure_azurite(root)


def test_missing_node_is_named_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(SetupProblem, match=r"Node\.js 20 or newer"):
        ensure_azurite(tmp_path)


def test_the_connection_string_names_each_service():
    text = connection_string(blob=1, queue=2, table=3)
    assert "BlobEndpoint=http://127.0.0.1:1/" in text
    assert "QueueEndpoint=http://127.0.0.1:2/" in text
    assert "TableEndpoint=http://127.0.0.1:3/" in text
