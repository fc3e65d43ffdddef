import json

import pytest

from devstack.setup.console import SetupProblem
from devstack.setup.python_env import ensure_python_env


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project without requirements and its finished environment."""
    root = tmp_path_factory.mktemp("project")
    for name in ("requirements.txt", "requirements-dev.txt"):
        (root / name).write_text("")
    ensure_python_env(root)
    return root


def test_a_finished_environment_is_left_alone(made, capfd):
    python = ensure_python_env(made)
    assert python.exists()
    assert capfd.readouterr().out == ""


def test_changed_requirements_are_installed_once(made, capfd):
    (made / "requirements-dev.txt").write_text("# nothing new\n")
    ensure_python_env(made)
    assert "installing Python packages" in capfd.readouterr().out
    ensure_python_env(made)
    assert capfd.readouterr().out == ""


def test_failed_pip_is_a_problem_and_is_tried_again(made, capfd):
    good = (made / "requirements-dev.txt").read_text()
    (made / "requirements-dev.txt").write_text("./no-such-folder\n")
    for _ in range(2):
        with pytest.raises(SetupProblem, match="pip could not install"):
            ensure_python_env(made)
    (made / "requirements-dev.txt").write_text(good)
    ensure_python_env(made)
    assert "anew" not in capfd.readouterr().out


@pytest.mark.soak
def test_an_environment_whose_set_up_was_cut_off_is_made_anew(made, capfd):
    (made / ".venv" / "setup-under-way").write_text("")
    (made / ".venv" / "leftover").write_text("half a package")
    ensure_python_env(made)
    assert "making it anew" in capfd.readouterr().out
    assert not (made / ".venv" / "leftover").exists()
    assert not (made / ".venv" / "setup-under-way").exists()


@pytest.mark.long
def test_a_moved_environment_is_made_anew(made, capfd):
    stamp = made / ".venv" / "setup-stamp.json"
    content = json.loads(stamp.read_text()) | {"path": "/somewhere/else/.venv"}
    stamp.write_text(json.dumps(content))
    ensure_python_env(made)
    assert "making it anew" in capfd.readouterr().out
