"""Whatever a page names in capitals is there: a setting, an error code, a parameter of the deployment, or known of others."""

import re
from pathlib import Path

import pytest

from shared_code import errors
from shared_code.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    page
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
    if page.name not in {"CHANGELOG.md", "third-party.md", "performance.md", "architecture.md"}
]
#: read by the platform, a tool or a test; the page says by which
OF_OTHERS = {
    "APP_HOST", "APP_NAME", "APP_PLAN", "AZURE_FUNCTIONS_ENVIRONMENT", "FUNCTIONS_EXTENSION_VERSION", "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_WORKER_RUNTIME_VERSION", "PYTHON_ENABLE_DEBUG_LOGGING", "PYTHON_SCRIPT_FILE_NAME", "PYTHON_THREADPOOL_THREAD_COUNT",
    "ROLLUP_SCHEDULE", "STORAGE_NAME", "VIRTUAL_ENV", "LEGACY_DATABASE", "TEST_MSSQL_URL", "BENCH_PUBLISH", "FUNCTION_KEY", "ACTION_GROUP_ID",
}  # fmt: skip


def subclasses(kind):
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


@pytest.fixture(scope="module")
def known():
    codes = {each.code for each in subclasses(errors.ServiceError) if isinstance(each.code, str)}
    parameters = re.findall(
        r"readEnvironmentVariable\('(\w+)'", (ROOT / "infra" / "main.bicepparam").read_text(encoding="utf-8")
    )
    return {name.upper() for name in Settings.model_fields} | codes | set(parameters) | OF_OTHERS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_name_in_capitals_is_known(page, known):
    spans = re.findall(
        r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    )
    named = {name for span in spans for name in re.findall(r"(?<![\w.])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w.])", span)}
    assert named - known == set()
