"""The composition root: the only place that builds the engine, clients and services, once, on first use.

Nothing happens at import.
"""

from shared_code.bootstrap.build import build_services, reset, services, upload_lane

__all__ = ["build_services", "reset", "services", "upload_lane"]
