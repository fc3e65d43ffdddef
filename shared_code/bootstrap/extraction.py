"""Puts the pipeline's parts together; called once by ``bootstrap``."""

import os
from typing import TYPE_CHECKING

from shared_code.extraction.admission import ClaimGate
from shared_code.extraction.answer_review import Reader
from shared_code.extraction.call_plan import Questions
from shared_code.extraction.context import Tools
from shared_code.extraction.key_effects import KeyEffects
from shared_code.extraction.service import ExtractionService
from shared_code.extraction.without_model import ZeroToken
from shared_code.metering.call_bounds import ESTIMATE_MISS
from shared_code.metering.estimates import TokenCounter
from shared_code.metering.pricing import cost_usd
from shared_code.records import Alert, Provider, Reservation, Usage
from shared_code.retry_policy import RetryConfig, RetryPolicy
from shared_code.settings import UnmeasuredCalls

if TYPE_CHECKING:
    from decimal import Decimal

    from shared_code.bootstrap.container import Services


def build_extraction(services: "Services") -> ExtractionService:
    """The pipeline on the process's database, keys, providers and settings."""
    settings, ledger = services.settings, services.ledger
    questions = Questions(services.models, TokenCounter(), services.factors)
    return ExtractionService(
        settings,
        token_manager=services.token_manager,
        tools=_tools(services),
        gate=ClaimGate(
            ledger,
            threads=thread_count(),
            wait_seconds=settings.duplicate_wait_seconds,
            clock=services.monotonic,
            sleep=services.sleep,
        ),
        reader=Reader(
            ledger,
            questions,
            services.background,
            today=lambda: services.clock().date(),
            irn_public_keys=settings.irn_public_keys,
        ),
        zero_token=ZeroToken(services.database, clock=services.clock, default_zone=settings.default_time_zone),
        questions=questions,
        policy=lambda: RetryPolicy(
            RetryConfig(
                max_retries=settings.max_retries,
                initial_delay=settings.retry_initial_delay_seconds,
                max_delay=settings.retry_max_delay_seconds,
            ),
            clock=services.monotonic,
        ),
    )


def thread_count() -> int:
    """Threads that serve requests in this process, as the platform's worker counts them."""
    return int(os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT") or min(32, (os.cpu_count() or 1) + 4))


def _tools(services: "Services") -> Tools:
    settings, ledger = services.settings, services.ledger

    def cost(usage: Usage, *, provider: Provider, model: str) -> "Decimal | None":
        return cost_usd(usage, provider=provider, model=model, when=services.clock())

    def unmeasured(reservation: Reservation) -> int | None:
        return reservation.bound_tokens if settings.unmeasured_calls is UnmeasuredCalls.BOOK else None

    def missed(reservation: Reservation, actual: int) -> None:
        factor = services.factors.missed(reservation.model, bound=reservation.bound_tokens, actual=actual)
        ledger.alert(
            Alert(
                kind=ESTIMATE_MISS,
                subject=reservation.model,
                severity="warning",
                message=f"A call of {reservation.model} cost {actual} tokens with {reservation.bound_tokens} reserved; "
                f"its estimates are now multiplied by {factor:.2f}.",
                details={"bound": reservation.bound_tokens, "actual": actual, "factor": factor},
            )
        )

    return Tools(
        ledger=ledger,
        providers=services.providers,
        key_effects=KeyEffects(services.database, ledger, services.clock),
        cost=cost,
        clock=services.monotonic,
        sleep=services.sleep,
        model_timeout_seconds=settings.model_timeout_seconds,
        unmeasured_tokens=unmeasured,
        booking_seconds=settings.db_retry_budget_seconds,
        missed=missed,
    )
