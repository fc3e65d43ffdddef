"""Puts the pipeline's parts together."""

import os

from shared_code.bootstrap.foundations import Foundations
from shared_code.documents.sandbox.turns import WorkTurns
from shared_code.extraction.admission import ClaimGate
from shared_code.extraction.answer_review import ReviewTools
from shared_code.extraction.call_plan import CallPlanner
from shared_code.extraction.failed_readings import FailedReadings
from shared_code.extraction.key_effects import KeyEffects
from shared_code.extraction.model_calls import CallTools
from shared_code.extraction.service import ExtractionService
from shared_code.extraction.without_model import WithoutModel
from shared_code.metering.call_costs import CallCosts
from shared_code.metering.estimates import TokenCounter
from shared_code.metering.keys import KeyFinder

#: runs that are worked on at once: as many as keep a core and the processes that open documents busy. Most of a turn is
#: waiting where the database is a server, and a company whose rows are locked must leave turns for others
TURNS, TURNS_WITH_SERVER = 2, 12


def build_extraction(base: Foundations) -> ExtractionService:
    """The pipeline on the process's database, keys, providers and settings."""
    settings, database, ledger, clock = base.settings, base.database, base.ledger, base.clock
    return ExtractionService(
        settings,
        keys=KeyFinder(database, base.cipher, app_setting=base.app_setting, clock=clock),
        planner=CallPlanner(base.models, TokenCounter(), base.factors),
        gate=ClaimGate(ledger, threads=thread_count(), wait_seconds=settings.duplicate_wait_seconds, pace=base.pace),
        call_tools=CallTools(
            ledger=ledger,
            costs=CallCosts(database, base.factors, unmeasured=settings.unmeasured_calls, clock=clock),
            key_effects=KeyEffects(database, clock),
            providers=base.providers,
            model_timeout_seconds=settings.model_timeout_seconds,
        ),
        review_tools=ReviewTools(
            database, base.background, clock, settings.irn_public_keys, second_readings=base.second_readings
        ),
        without_model=WithoutModel(
            database,
            base.budgets,
            clock=clock,
            default_zone=settings.default_time_zone,
            irn_public_keys=settings.irn_public_keys,
        ),
        failed_readings=FailedReadings(database, base.budgets),
        pace=base.pace,
        turns=WorkTurns(TURNS if database.dialect == "sqlite" else TURNS_WITH_SERVER),
    )


def thread_count() -> int:
    """Threads that serve requests in this process, as the platform's worker counts them."""
    return int(os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT") or min(32, (os.cpu_count() or 1) + 4))
