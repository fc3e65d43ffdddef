"""Puts the pipeline's parts together."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime

from shared_code.database.connection import Database
from shared_code.extraction.admission import ClaimGate
from shared_code.extraction.answer_review import ReviewTools
from shared_code.extraction.call_plan import CallPlanner
from shared_code.extraction.key_effects import KeyEffects
from shared_code.extraction.model_calls import CallTools
from shared_code.extraction.service import ExtractionService
from shared_code.extraction.submission import Pace
from shared_code.extraction.without_model import WithoutModel
from shared_code.metering.call_costs import CallCosts
from shared_code.metering.estimates import SafetyFactors, TokenCounter
from shared_code.metering.keys import KeyFinder
from shared_code.metering.ledger import Ledger
from shared_code.providers.base import ModelProvider
from shared_code.records import Provider
from shared_code.settings import Settings


def build_extraction(  # noqa: PLR0913 - a composition root hands over many parts, by name
    settings: Settings,
    *,
    database: Database,
    ledger: Ledger,
    keys: KeyFinder,
    factors: SafetyFactors,
    models: Mapping[Provider, Sequence[str]],
    providers: Mapping[Provider, ModelProvider],
    background: Executor,
    clock: Callable[[], datetime],
    pace: Pace,
) -> ExtractionService:
    """The pipeline on the process's database, keys, providers and settings."""
    call_tools = CallTools(
        ledger=ledger,
        costs=CallCosts(
            database,
            factors,
            unmeasured=settings.unmeasured_calls,
            clock=clock,
        ),
        key_effects=KeyEffects(database, clock),
        providers=providers,
        model_timeout_seconds=settings.model_timeout_seconds,
    )
    return ExtractionService(
        settings,
        keys=keys,
        planner=CallPlanner(models, TokenCounter(), factors),
        gate=ClaimGate(
            ledger,
            threads=thread_count(),
            wait_seconds=settings.duplicate_wait_seconds,
            pace=pace,
        ),
        call_tools=call_tools,
        review_tools=ReviewTools(database, ledger, background, clock, settings.irn_public_keys),
        without_model=WithoutModel(database, clock=clock, default_zone=settings.default_time_zone),
        pace=pace,
    )


def thread_count() -> int:
    """Threads that serve requests in this process, as the platform's worker counts them."""
    return int(os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT") or min(32, (os.cpu_count() or 1) + 4))
