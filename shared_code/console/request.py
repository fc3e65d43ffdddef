"""What a request to the console says: under which address it came, and which colours its reader has chosen."""

from shared_code.admin.address import OUTER_PREFIX
from shared_code.admin.browsers.own_pages import cookie
from shared_code.admin.error_layer import Scope
from shared_code.console.rendering import THEMES

THEME_COOKIE = "console_theme"


def base_of(scope: Scope) -> str:
    """The console's address as the browser knows it, without a slash behind: ``/api/manage/console``."""
    return f"{scope.get(OUTER_PREFIX, '/api')}/manage/console"


def theme_of(scope: Scope) -> str | None:
    """The chosen colour scheme; None = as the system has it."""
    chosen = cookie(scope, THEME_COOKIE)
    return chosen if chosen in THEMES else None
