import os
import socket
import sys

import pytest

from devstack.setup.console import SetupProblem
from devstack.setup.ports import choose, free_ports, holder, is_free


@pytest.fixture
def taken():
    """A port that this process listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_free_ports_differ_and_are_free():
    ports = free_ports(8)
    assert len(set(ports)) == 8
    assert all(map(is_free, ports))


def test_a_port_that_somebody_listens_on_is_not_free(taken):
    assert not is_free(taken)


def test_a_port_taken_on_ipv6_loopback_only_is_not_free():
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with listener:
        assert not is_free(listener.getsockname()[1])


def test_a_port_that_was_asked_for_and_is_taken_is_refused_with_the_option(taken):
    with pytest.raises(SetupProblem, match=rf"Port {taken} is taken.*choose another with --port"):
        choose(taken, default=7071)


def test_a_taken_default_gives_way_to_the_next_free_port_and_says_so(taken):
    port, remark = choose(None, default=taken)
    assert port > taken
    assert is_free(port)
    assert f"Port {taken} is taken" in remark
    assert str(port) in remark


def test_a_free_default_needs_no_remark():
    port = free_ports(1)[0]
    assert choose(None, default=port) == (port, None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the process table of Linux")
def test_the_holder_of_a_port_is_named(taken):
    assert holder(taken).startswith(f"pid {os.getpid()} (")
    assert holder(free_ports(1)[0]) is None
