"""Puts the parts together by which persons look at readings."""

from dataclasses import dataclass

from shared_code.bootstrap.blobs import BlobServices
from shared_code.bootstrap.foundations import Foundations
from shared_code.bootstrap.webhooks import WebhookServices
from shared_code.reviews.desk import ReviewDesk
from shared_code.reviews.rules import ReviewRules


@dataclass(frozen=True, slots=True)
class ReviewServices:
    """``desk`` is what persons do, ``rules`` says which readings they look at."""

    desk: ReviewDesk
    rules: ReviewRules


def build_reviews(base: Foundations, blobs: BlobServices, webhooks: WebhookServices) -> ReviewServices:
    """Everything, on the process's own database."""

    def decided(reading_id: str) -> None:
        webhooks.wake()
        blobs.reviewed.begin(reading_id)

    return ReviewServices(ReviewDesk(base.database, decided), ReviewRules(base.database))
