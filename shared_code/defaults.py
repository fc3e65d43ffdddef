"""The way from seed-shaped calls (``TokenManager.get_active_token(...)``, ``QuotaManager()``) to the default services.

``bootstrap`` imports every manager, so no manager can import it; this module looks it up by name, on first use.
"""

import importlib
from typing import Any


def default_services() -> Any:
    """The services that ``bootstrap`` builds for this process. Raises ConfigurationError when settings are wrong."""
    return importlib.import_module("shared_code.bootstrap").services()
