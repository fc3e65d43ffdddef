"""The pages of operators, in the order of the navigation."""

from shared_code.console.page import Page
from shared_code.operations.access import Action

_SHELL = "page.html"

OVERVIEW = Page("overview", "", "Overview", _SHELL, Action.SEE_REPORTS, icon="overview")
PAGES: tuple[Page, ...] = (
    Page("extractions", "extractions", "Extractions", _SHELL, Action.SEE_REPORTS, icon="extractions"),
    Page("extraction", "extractions/{id}", "Extraction", _SHELL, Action.SEE_READINGS, section="extractions"),
    Page("keys", "keys", "Keys", _SHELL, Action.SEE_REPORTS, icon="keys"),
    Page("quotas", "quotas", "Quotas", _SHELL, Action.SEE_REPORTS, icon="quotas"),
    Page("usage", "usage", "Usage", _SHELL, Action.SEE_REPORTS, icon="usage"),
    Page("alerts", "alerts", "Alerts", _SHELL, Action.SEE_ALERTS, icon="alerts"),
    Page("health", "health", "Health", _SHELL, Action.OPERATE, icon="health"),
    Page("webhooks", "webhooks", "Webhooks", _SHELL, Action.CHANGE_WEBHOOKS, icon="webhooks"),
    Page("logs", "logs", "Logs", _SHELL, Action.OPERATE, icon="logs"),
    Page("audit", "audit", "Audit", _SHELL, Action.SEE_AUDIT, icon="audit"),
)
