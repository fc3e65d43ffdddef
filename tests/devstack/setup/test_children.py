import os
import subprocess
import sys
import time

import pytest

from devstack.setup import processes
from devstack.setup.children import Children

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups of POSIX")


@pytest.fixture
def children(tmp_path):
    started = Children(cwd=tmp_path, secrets=["s3cret-value"], quiet={"quiet"})
    yield started
    started.kill()
    started.stop()


def start(children, name, code, **options):
    return children.start(name, [sys.executable, "-u", "-c", code], env=os.environ, **options)


def wait_for(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gone(pid):
    return processes.command_line(pid) is None


def test_output_carries_the_name_and_no_secret(children, capfd):
    child = start(children, "host", "import sys; print('key s3cret-value!'); print('oops', file=sys.stderr)")
    assert children.finish(child) == 0
    assert capfd.readouterr().out.splitlines() == ["host   | key ***!", "host   | oops"]


def test_output_of_a_quiet_child_is_kept_for_its_end_only(children, capfd):
    child = start(children, "quiet", "print('chatter')")
    children.finish(child)
    assert capfd.readouterr().out == ""
    assert child.tail == ["chatter"]


def test_bytes_that_are_no_text_do_not_stop_the_output(children, capfd):
    children.finish(start(children, "host", r"import sys; sys.stdout.buffer.write(b'\xff\xfe\nend\n')"))
    assert capfd.readouterr().out.endswith("host   | end\n")


def test_the_first_that_ended_by_itself_is_told(children):
    start(children, "alive", "import time; time.sleep(60)")
    dying = start(children, "dying", "raise SystemExit(3)")
    wait_for(lambda: children.first_dead() is not None)
    assert children.first_dead() is dying
    assert dying.exit_code == 3


def test_the_last_started_ends_first_and_has_time_to_finish(children, tmp_path):
    ending = (
        "import signal, sys, time\n"
        "def end(*_): time.sleep(0.1); open('order', 'a').write({name!r}); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('up'); time.sleep(60)"
    )
    started = [start(children, name, ending.format(name=name)) for name in ("a", "b", "c")]
    wait_for(lambda: all(child.tail for child in started))
    children.stop()
    assert (tmp_path / "order").read_text() == "cba"


def test_one_that_does_not_listen_is_killed(children, capfd):
    child = start(
        children, "deaf", "import signal, time; signal.signal(15, signal.SIG_IGN); print('up'); time.sleep(60)"
    )
    wait_for(lambda: child.tail)
    children.stop(grace_seconds=0.2)
    assert child.exit_code == -9
    assert "deaf did not end" in capfd.readouterr().out


def test_what_a_child_has_started_ends_with_it(children):
    code = f"import subprocess; print(subprocess.Popen([{sys.executable!r}, '-c', 'import time; time.sleep(60)']).pid); input_never = __import__('time').sleep(60)"
    child = start(children, "parent", code)
    wait_for(lambda: child.tail)
    grandchild = int(child.tail[0])
    children.stop()
    wait_for(lambda: gone(grandchild))


def test_a_childs_command_line_is_the_one_it_was_started_with(children):
    arguments = [sys.executable, "-c", "import time; time.sleep(60)", "two words", "--port=1"]
    child = children.start("x", arguments, env=os.environ)
    wait_for(lambda: processes.command_line(child.process.pid) == processes.as_command_line(arguments))


def test_there_is_no_command_line_of_a_process_that_ended():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert processes.command_line(process.pid) is None
