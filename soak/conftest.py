"""The long proofs use the fixtures of their short forms in ``tests``."""

from tests.conftest import (  # noqa: F401 - fixtures, and a hook
    _mssql_reused,
    _postgresql_reused,
    _postgresql_template,
    _sqlite_template,
    database,
    database_url,
    make_settings,
    mssql_server,
    postgresql_server,
    pytest_sessionfinish,
)
from tests.integration.extraction.conftest import (  # noqa: F401 - fixtures
    environment,
    gemini,
    openai,
    pauses,
    pipeline,
    pipeline_settings,
)
from tests.integration.extraction.test_outage import storage  # noqa: F401 - fixture
from tests.integration.rollup.conftest import books, clock, make_services  # noqa: F401 - fixtures
