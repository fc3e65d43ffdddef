"""64 callers in four processes on each database: no limit is passed, also when calls cost twice their bound."""

import pytest

from tests.integration.extraction.test_bound_misses import (  # noqa: F401 - tests
    test_callers_whose_calls_cost_twice_their_bound_pass_a_limit_for_ten_by_the_misses_in_flight_only,
)
from tests.integration.extraction.test_races import (  # noqa: F401 - tests
    Crowd,
    test_callers_in_several_processes_never_pass_the_limit_of_a_key,
    test_callers_in_several_processes_never_pass_the_quota_of_company_branch_or_user,
)


@pytest.fixture
def crowd() -> Crowd:
    return Crowd(processes=4, threads=16)
