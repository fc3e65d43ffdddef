import os
import signal
import subprocess
import sys

import pytest

from devstack.setup.stopping import StopSignal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def handlers():
    """The handlers of this process, put back."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_a_request_and_the_second_one_is_impatience(handlers, number):
    impatient = []
    with StopSignal(on_second=lambda: impatient.append(True)) as stop:
        assert not stop.wait(0)
        os.kill(os.getpid(), number)
        assert stop.wait(1)
        assert impatient == []
        os.kill(os.getpid(), number)
        assert stop.requested
        assert impatient == [True]


def test_without_a_request_the_handlers_are_as_before(handlers):
    with StopSignal(on_second=lambda: None):
        pass
    assert {number: signal.getsignal(number) for number in handlers} == handlers


def test_a_late_signal_makes_no_error_of_the_end():
    code = (
        "import os, signal; from devstack.setup.stopping import StopSignal\n"
        "with StopSignal(lambda: None): os.kill(os.getpid(), signal.SIGINT)\n"
        "os.kill(os.getpid(), signal.SIGINT); print('ended')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "ended\n")
