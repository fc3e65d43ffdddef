"""The model stand-in as the bench drives it: its latency, its counts."""

import json
import urllib.request
from typing import Any


class Model:
    """A running :mod:`bench.fast_model`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    @property
    def connection_string(self) -> str:
        """Application Insights settings that send telemetry to it."""
        return f"InstrumentationKey=0f8fad5b-d9cb-469f-a165-70867728950e;IngestionEndpoint={self.url}/"

    def counts(self) -> dict[str, Any]:
        """Calls so far, requests that it did not know, processor seconds, pid."""
        with self._open(f"{self.url}/_control", timeout=10) as answer:
            return json.loads(answer.read())

    def set_latency(self, milliseconds: float) -> None:
        """From now on it answers after so long."""
        self._control(f"latency_ms={milliseconds}")

    def set_fault_every(self, count: int) -> None:
        """From now on each so-many-th question ends in a fault; 0 for none."""
        self._control(f"fault_every={count}")

    def _control(self, wanted: str) -> None:
        with self._open(f"{self.url}/_control?{wanted}", data=b"", timeout=10) as answer:
            answer.read()
