"""The seed document's name for health checks; see :mod:`shared_code.operations.health_checker`."""

from shared_code.operations.health_checker import SystemHealthChecker

__all__ = ["SystemHealthChecker"]
