"""The composition root: the only place that builds the engine, clients and services, once, on first use.

Nothing happens at import, and nothing is imported by it: the function folders import this package when the platform
loads them, and what it builds takes many times longer to import than the platform's own library.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services
    from shared_code.extraction.upload_slots import UploadLane
    from shared_code.settings import Settings

__all__ = ["build_services", "reset", "services", "upload_lane", "warm_up"]


def services() -> "Services":
    """The services of this process; see :func:`.build.services`."""
    from shared_code.bootstrap import build

    return build.services()


def upload_lane() -> "UploadLane":
    """The way in for uploads of this process; see :func:`.uploads.upload_lane`."""
    from shared_code.bootstrap import uploads

    return uploads.upload_lane()


def reset() -> None:
    """Forget the services; see :func:`.build.reset`."""
    from shared_code.bootstrap import build

    build.reset()


def build_services(settings: "Settings", **foundations: Any) -> "Services":
    """All parts of a process; see :func:`.build.build_services`."""
    from shared_code.bootstrap import build

    return build.build_services(settings, **foundations)


def warm_up() -> None:
    """Begin what the first upload would wait for; see :mod:`.warm_start`. Returns at once."""
    from shared_code.bootstrap import warm_start

    warm_start.begin()
