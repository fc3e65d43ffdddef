"""One host for all HTTP tests (the worker's registry is process-wide), one Azurite for all tests with storage."""

import pytest

from tests.devstack.host.azurite import running_azurite
from tests.devstack.host.running import Host
from tests.devstack.host.sample_app import write_http_app


@pytest.fixture(scope="session")
def http_host(tmp_path_factory):
    root = write_http_app(tmp_path_factory.mktemp("http") / "app")
    limit = {"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "3000000", "WINS": "shell"}
    with Host(root, environment=limit) as host:
        yield host


@pytest.fixture(scope="session")
def storage(tmp_path_factory):
    """Connection string of an Azurite for the session."""
    with running_azurite(tmp_path_factory.mktemp("azurite")) as connection:
        yield connection
