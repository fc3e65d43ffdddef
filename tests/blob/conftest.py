"""One running stack for the tests that only look; those that kill or break something start their own."""

from pathlib import Path

import pytest

from tests.blob.stack import BlobStack


def pytest_collection_modifyitems(items):
    """What shares a stack runs on one worker, so that it is started once."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            own = item.path.stem if item.path.stem in {"test_blob_sweep", "test_recovery"} else "shared"
            item.add_marker(pytest.mark.xdist_group(f"blob-{own}"))


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
