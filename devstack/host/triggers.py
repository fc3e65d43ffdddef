"""The triggers that are not HTTP: started and stopped together, fired by hand through the admin endpoint."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from devstack.host.discovery import HTTP, FunctionDefinition
from devstack.host.invocations import Invocations
from devstack.host.settings import AppSettings, HostConfig

log = logging.getLogger("devstack.host")


@dataclass(frozen=True)
class TriggerOptions:
    """What the command line says about triggers."""

    host_id: str
    blob_poll_seconds: float
    blob_visibility_seconds: int


class Triggers:
    """Timer and blob functions."""

    def __init__(
        self,
        functions: Iterable[FunctionDefinition],
        *,
        settings: AppSettings,
        config: HostConfig,
        invocations: Invocations,
        options: TriggerOptions,
    ) -> None:
        self._functions = [one for one in functions if one.trigger.type != HTTP]

    def start(self) -> None:
        """Begin to listen."""

    def stop(self) -> None:
        """Take no more work."""

    def describe(self, function: FunctionDefinition) -> str:
        """Path or schedule, for people."""
        return str(function.properties.get("path") or function.properties.get("schedule") or "")

    def manual_run(self, function: FunctionDefinition) -> Callable[[str], object] | None:
        """How to run the function by hand, or None."""
        return None
