"""Timer: rolls usage up and repairs what a crash left behind. The steps are in ``shared_code.rollup.run``."""

import logging

import azure.functions as func

from shared_code import bootstrap


def main(timer: func.TimerRequest, context: func.Context) -> None:
    """Run every step once. Periods come from stored state, so a run that was missed needs no replay."""
    from shared_code.rollup.run import run_rollup

    bootstrap.warm_up()
    if timer.past_due:
        logging.getLogger(__name__).info("the timer is past due")
    services = bootstrap.services().ready()
    run_rollup(services.rollup, trace_parent=context.trace_context.trace_parent)
    # Alerts about the run itself, and what becomes due before the next one.
    services.webhooks.wake()
