"""Reviews that were postponed until now, and results of dropped files that a decision still owes."""

from shared_code.rollup.step import Done, RollupContext, Step


def end_postponements(context: RollupContext) -> Done:
    """Make reviews pending again whose time has come.

    :raises errors.DatabaseUnavailable: nothing is lost by waiting for the next run.
    """
    ended = context.reviews.end_postponements()
    return Done(ended, ended)


def write_results(context: RollupContext) -> Done:
    """Bring results of dropped files up to date that a person has decided about.

    :raises errors.StorageUnavailable, errors.DatabaseUnavailable: nothing is lost by waiting for the next run.
    """
    return Done(*context.reviewed_results.write_owed())


STEPS: tuple[tuple[str, Step], ...] = (
    ("end postponements", end_postponements),
    ("write reviewed results", write_results),
)
