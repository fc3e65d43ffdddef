"""What is older than its retention deleted: rows in batches small enough that writers pass between them, and copies.

A copy of a document goes before its reading; what persons made of a reading goes after it.
"""

from functools import partial

from shared_code.blobs.clients import storage_configured
from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions import blob_answers, claims, idempotency_keys, jobs, readings
from shared_code.database.stores.operations import admin_audit, alerts, logs, retries, webhook_deliveries
from shared_code.database.stores.operations.rows_by_age import Expiring
from shared_code.database.stores.quotas import counter_retention
from shared_code.database.stores.reviews import decided_reviews, decisions, review_rows
from shared_code.database.stores.usage import usage_rows
from shared_code.rollup.set_aside import setting_aside
from shared_code.rollup.step import Done, RollupContext, Step

_BATCH = 1_000
#: batches of one table in one run of the timer; the rest is the next run's
_MOST_BATCHES = 50
#: the sweep looks back two days
_WRITTEN_RESULTS_DAYS = 7
#: a key is good for a day
_IDEMPOTENCY_DAYS = 1


def _prune(step: str, rows: Expiring, age: str | int, context: RollupContext) -> Done:
    """Delete the rows of one table that are older than ``age``: days, or the setting that holds them."""
    days = getattr(context.settings, age) if isinstance(age, str) else age
    deleted = 0

    def delete(first: int, last: int) -> int:
        return context.database.run(
            lambda connection: rows.delete(connection, older_than_days=days, first=first, last=last),
            on_unknown=repeatable,
        )

    with setting_aside(context, step) as aside:
        for _ in range(_MOST_BATCHES):
            ids = context.database.read(lambda connection: rows.find(connection, older_than_days=days, limit=_BATCH))
            batch = sum(aside.attempt_ids(ids, delete))
            deleted += batch
            # Rows that are set aside are found again each time.
            if len(ids) < _BATCH or not batch:
                break
    return Done(deleted, deleted)


def remove_documents(context: RollupContext) -> Done:
    """Remove the copies of documents that are old enough.

    :raises errors.StorageUnavailable, errors.DatabaseUnavailable: nothing is lost by waiting for the next run.
    """
    return Done(*context.documents.remove()) if storage_configured(context.settings) else Done(0, 0)


def _step(name: str, rows: Expiring, age: str | int) -> tuple[str, Step]:
    return name, partial(_prune, name, rows, age)


#: one step per table or container, so that each has its own record and its own failure
STEPS: tuple[tuple[str, Step], ...] = (
    _step("prune ApplicationLogs", logs.EXPIRING, "retain_application_logs_days"),
    _step("prune RetryAttempts", retries.EXPIRING, "retain_retry_attempts_days"),
    _step("prune TokenUsageLogs", usage_rows.EXPIRING, "retain_usage_logs_days"),
    ("remove documents", remove_documents),
    _step("prune IdempotencyKeys", idempotency_keys.EXPIRING, _IDEMPOTENCY_DAYS),
    _step("prune Jobs", jobs.EXPIRING, "retain_extractions_days"),
    _step("prune Claims", claims.EXPIRING, "retain_extractions_days"),
    _step("prune Extractions", readings.EXPIRING, "retain_extractions_days"),
    # What persons made of a reading goes with it, and never before: a corrected value would be gone.
    _step("prune Reviews", review_rows.EXPIRING, "retain_extractions_days"),
    _step("prune ReviewDecisions", decisions.EXPIRING_DECISIONS, "retain_extractions_days"),
    _step("prune Corrections", decisions.EXPIRING_CORRECTIONS, "retain_extractions_days"),
    _step("prune ResultFiles", decided_reviews.EXPIRING_FILES, "retain_extractions_days"),
    _step("prune QuotaCounters", counter_retention.EXPIRING, "retain_quota_counters_days"),
    _step("prune Alerts", alerts.EXPIRING, "retain_closed_alerts_days"),
    _step("prune AdminAudit", admin_audit.EXPIRING, "retain_admin_audit_days"),
    _step("prune WebhookDeliveries", webhook_deliveries.EXPIRING, "retain_webhook_deliveries_days"),
    _step("prune WrittenResults", blob_answers.EXPIRING, _WRITTEN_RESULTS_DAYS),
)
