"""What the demo works with: the service's own parts, and the moment that it takes for now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared_code.database.stores.operations.admin_audit import Actor

if TYPE_CHECKING:
    from shared_code.blobs.kept_documents import KeptDocuments
    from shared_code.database.connection import Database
    from shared_code.extraction.service import ExtractionService
    from shared_code.jobs.documents import JobDocuments
    from shared_code.operations.quotas import QuotaAdministration
    from shared_code.operations.tokens import TokenAdministration
    from shared_code.reviews.desk import ReviewDesk
    from shared_code.rollup.step import RollupContext
    from shared_code.webhooks.administration import WebhookAdministration

OPERATOR = Actor("app-service:operations@example.com")


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts of one process, on the database that is filled.

    :ivar now: aware, UTC; ``seed`` decides everything that is left to chance.
    :ivar documents: where copies of documents go, and ``jobs`` those that wait; both None without a storage account.
    """

    database: "Database"
    extraction: "ExtractionService"
    tokens: "TokenAdministration"
    quotas: "QuotaAdministration"
    webhooks: "WebhookAdministration"
    desk: "ReviewDesk"
    rollup: "RollupContext"
    documents: "KeptDocuments | None"
    jobs: "JobDocuments | None"
    now: datetime
    seed: int

    def ago(self, *, days: float = 0, hours: float = 0) -> datetime:
        """A moment before now, naive UTC, as rows hold it."""
        return (self.now - timedelta(days=days, hours=hours)).replace(tzinfo=None, microsecond=0)
