"""Which tests run on the same worker when several run at once.

Groups by mark (``--dist loadgroup``) do nothing since pytest 9.2: pytest-xdist writes them to a name that is no longer
read. So the folders tell.
"""

import re
from typing import Any

import pytest

#: what shares a running stack, a host or a stand-in of its module runs on one worker, so that it is started once
_TOGETHER = re.compile(
    r"tests/(?:(?P<stack>e2e|browser)/test_(?!databases|dev_run|telemetry|integrate_page)(?P<pages>every_page|operator_actions)?"
    r"|e2e/test_(?:dev_run|telemetry|integrate_page)|devstack/|integration/blobs/|integration/jobs/|integration/cli/test_demo|infra/|integration/\w+/test_(?:driver_)?faults)"
)


def group_of(nodeid: str) -> str:
    """Tests of one group run on one worker, one after another."""
    found = _TOGETHER.match(nodeid)
    if found is None:
        return nodeid
    if found["stack"] is None:
        return nodeid.partition("::")[0]
    # The browser tests share two stacks: on one worker they would take longer than everything else.
    return "browser: pages" if found["stack"] == "browser" and found["pages"] else found["stack"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Spread the groups over the workers, the largest first."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByGroup(config, log)
