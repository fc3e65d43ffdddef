"""What one run of the pipeline is made of: who asks, what is asked, and the tools that calls are made with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared_code.extraction.key_effects import KeyEffects
from shared_code.metering.ledger import Ledger
from shared_code.providers.base import ModelProvider, ModelRequest
from shared_code.records import Caller, Provider, Reservation, Source


@dataclass(frozen=True, slots=True)
class Run:
    """Who asks for what, and until when. ``deadline`` is a moment of the service's monotonic clock."""

    call_id: str
    caller: Caller
    source: Source
    document_sha256: str
    deadline: float
    lease_seconds: int
    request_id: str | None = None
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask, per provider: the models in order of preference, and the bounds of the call.

    ``build`` makes the provider's request for a model and a cap on the output.
    """

    build: Callable[[str, int], ModelRequest]
    models: Mapping[Provider, Sequence[str]]
    input_bound: Callable[[str], int]
    output_cap: Callable[[str], int]
    output_floor: int


@dataclass(frozen=True, slots=True)
class Tools:
    """What calls are made with; one set for the process."""

    ledger: Ledger
    providers: Mapping[Provider, ModelProvider]
    key_effects: KeyEffects
    cost: Callable[..., Any]
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    model_timeout_seconds: float
    unmeasured_tokens: Callable[[Reservation], int | None]
    booking_seconds: float
    missed: Callable[[Reservation, int], None]
