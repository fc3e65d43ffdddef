"""One running stack for the tests that only look; those that kill or break something start their own."""

import pytest

from tests.integration.blobs.stack import BlobStack


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Storage, model and database with the app's functions running on them."""
    with BlobStack(tmp_path_factory.mktemp("blobs"), MAX_UPLOAD_MB="2") as stack, stack.host() as host:
        stack.running = host
        yield stack


@pytest.fixture(scope="module")
def quiet_stack(tmp_path_factory):
    """The same without a host: what is dropped stays until a test takes it up."""
    with BlobStack(tmp_path_factory.mktemp("quiet"), MAX_UPLOAD_MB="2") as stack:
        yield stack
