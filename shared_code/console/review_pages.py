"""The pages on which people look at readings that are doubtful, see how often those were wrong, and try a document."""

from shared_code.console.page import Page
from shared_code.operations.access import Action

PAGES: tuple[Page, ...] = (
    Page("reviews", "reviews", "Reviews", "reviews.html", Action.SEE_READINGS, icon="reviews"),
    Page("review", "reviews/{id}", "Review", "review.html", Action.SEE_READINGS, section="reviews"),
    Page("accuracy", "accuracy", "Accuracy", "page.html", Action.SEE_READINGS, icon="accuracy"),
    Page("try", "try", "Try it", "review_try.html", Action.TRY_DOCUMENTS, icon="try"),
)
