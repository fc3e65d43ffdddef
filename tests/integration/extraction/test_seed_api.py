"""Functions, arguments and result keys as the seed documents print them."""

import pytest

from shared_code.bootstrap import build
from shared_code.database import tables
from shared_code.database.connection import install_default
from shared_code.db_connection import create_token_tables, get_connection
from shared_code.quota_manager import QuotaManager
from shared_code.token_manager import TokenManager


@pytest.fixture
def installed(pipeline, monkeypatch):
    """The pipeline's services as the default instance of the process."""
    monkeypatch.setattr(build, "_services", pipeline.services)
    install_default(pipeline.services.database)
    yield pipeline
    install_default(None)


def test_get_active_token_on_the_class_returns_the_seeds_keys(installed):
    key = installed.add_key(limit=100_000)
    result = TokenManager.get_active_token("nt047 ")
    assert result == {
        "success": True,
        "token_id": key.token_id,
        "api_key": key.secret,
        "provider": "Gemini",
        "status": "Active",
        "total_limit": 100_000,
    }


def test_get_active_token_chooses_at_random(installed):
    keys = {installed.add_key().token_id for _ in range(3)}
    chosen = [TokenManager.get_active_token("NT047")["token_id"] for _ in range(60)]
    assert set(chosen) == keys
    assert max(chosen.count(key) for key in keys) < 45


def test_check_token_status_has_the_seeds_keys_and_messages(installed):
    assert TokenManager.check_token_status("NT047") == {
        "has_error": True,
        "message": "No active token found for your company. Please contact support.",
    }
    assert TokenManager.get_active_token("NT047")["success"] is False
    installed.add_key()
    assert TokenManager.check_token_status("NT047") == {"has_error": False, "message": None}


def test_usage_from_a_log_line_is_booked_on_the_key(installed):
    key = installed.add_key(limit=10_000)
    details = TokenManager.extract_usage_from_log(
        "INFO:api:Gemini processing complete. Usage: RunUsage(input_tokens=2518, output_tokens=652, "
        "details={'text_prompt_tokens': 712, 'image_prompt_tokens': 1806, 'text_candidates_tokens': 652}, requests=1)"
    )
    assert details == {
        "input_tokens": 2518,
        "output_tokens": 652,
        "text_prompt_tokens": 712,
        "image_prompt_tokens": 1806,
        "text_candidates_tokens": 652,
        "requests": 1,
    }
    result = TokenManager.log_token_usage(
        token_id=key.token_id, usage_info=details, branch="RUB", requested_by="bzumah"
    )
    assert result["success"] is True
    row = installed.rows()[0]
    assert (row.TotalTokensUsed, row.TextPromptTokens, row.Branch, row.RequestedBy) == (3170, 712, "RUB", "bzumah")
    summary = installed.summary(key.token_id)
    assert (summary.TotalUsedTokens, summary.TotalRemainingTokens) == (3170, 6830)
    assert TokenManager.log_token_usage(99_999, details)["success"] is False


def test_get_connection_and_create_token_tables_work_as_the_seed_uses_them(installed):
    connection = get_connection()
    create_token_tables(connection)
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    assert cursor.fetchone()[0] == 1
    cursor.close()
    connection.close()


def test_quota_manager_without_arguments_is_the_default_one(installed):
    quota = QuotaManager().get_user_quota("user_123456")
    assert (quota.daily_limit, quota.daily_used, quota.monthly_limit, quota.monthly_used) == (None, 0, None, 0)
    assert QuotaManager().has_sufficient_quota("user_123456", 100)
    assert quota.last_reset.tzinfo is not None
    assert installed.rows(tables.quotas) == []
