"""The figures of an evaluation: shares, precision by confidence, costs, and what sets two models apart."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from shared_code.evaluation.comparison import Verdict
from shared_code.evaluation.judging import Judged
from shared_code.evaluation.runs import DocumentRun, total_usd

LEVELS = ("high", "medium", "low")
#: two standard deviations, near enough: 95 of 100 such intervals hold the true share
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def ratio(self) -> float | None:
        """0 to 1; None of nothing."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Between which shares the true one lies with 95 % (Wilson, 1927); None of nothing."""
        if not self.whole:
            return None
        share, square = self.part / self.whole, _Z * _Z / self.whole
        middle = (share + square / 2) / (1 + square)
        width = _Z * math.sqrt(share * (1 - share) / self.whole + square / (4 * self.whole)) / (1 + square)
        return max(middle - width, 0.0), min(middle + width, 1.0)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one model over the documents that it was asked about.

    :ivar right: of all known values; ``wrong`` and ``missing`` are the rest.
    :ivar lost: values that are right in an answer of the model but not in ours, of all that are right in one.
    :ivar corrected: values that are wrong in every answer of the model but right in ours, of those that are.
    :ivar wrong_passed: wrong values of answers that ask for no review; ``missing_passed`` the same of missing ones.
    :ivar precision: by confidence, the right ones of all values that were given with it.
    :ivar without_review: answers that ask for no review, of all to documents with known values.
    :ivar as_expected: documents whose outcome is a right one, of those of which one is known.
    :ivar cost_usd: None when the price of a call is not known.
    """

    documents: int
    right: Share
    wrong: int
    missing: int
    lost: Share
    corrected: Share
    wrong_passed: int
    missing_passed: int
    precision: Mapping[str, Share]
    without_review: Share
    as_expected: Share
    by_model: int
    calls: int
    tokens: int
    cost_usd: Decimal | None
    seconds: float
    median_seconds: float
    by_field: Mapping[str, Share] = field(default_factory=dict)
    too_many_calls: int = 0


def figures_of(runs: Sequence[DocumentRun]) -> Figures:
    """Count what one model did."""
    values = [value for run in runs for value in run.values]
    answers = [run for run in runs if run.error is None and run.document.invoices]
    passed = [value for run in answers if run.passed for value in run.values]
    seconds = sorted(run.seconds for run in runs)
    outcomes = [run for run in runs if run.as_expected is not None]
    return Figures(
        documents=len(runs),
        right=_right(values),
        wrong=_count(values, Verdict.WRONG),
        missing=_count(values, Verdict.MISSING),
        lost=Share(sum(bool(value.lost) for value in values), sum(_right_in_answer(value) for value in values)),
        corrected=Share(
            sum(bool(value.corrected) for value in values),
            sum(value.lost is not None and not _right_in_answer(value) for value in values),
        ),
        wrong_passed=_count(passed, Verdict.WRONG),
        missing_passed=_count(passed, Verdict.MISSING),
        precision={level: _right(given(values, level)) for level in LEVELS},
        without_review=Share(sum(run.passed for run in answers), len(answers)),
        as_expected=Share(sum(bool(run.as_expected) for run in outcomes), len(outcomes)),
        by_model=sum(run.calls > 0 for run in runs),
        calls=sum(run.calls for run in runs),
        tokens=sum(run.tokens for run in runs),
        cost_usd=total_usd(run.cost_usd for run in runs),
        seconds=sum(seconds),
        median_seconds=seconds[len(seconds) // 2] if seconds else 0.0,
        by_field=by_field(runs),
        too_many_calls=sum(run.calls > (run.document.calls_at_most or run.calls) for run in runs),
    )


def given(values: Iterable[Judged], level: str) -> list[Judged]:
    """The values that the service gave with this confidence."""
    return [value for value in values if value.confidence == level and value.compared.got is not None]


def by_field(runs: Iterable[DocumentRun]) -> dict[str, Share]:
    """The share of right values of each field, the most frequent field first."""
    counts: dict[str, list[bool]] = {}
    for value in (value for run in runs for value in run.values):
        counts.setdefault(value.compared.title, []).append(value.compared.verdict is Verdict.RIGHT)
    shares = {title: Share(sum(right), len(right)) for title, right in counts.items()}
    return dict(sorted(shares.items(), key=lambda item: (-item[1].whole, item[0])))


@dataclass(frozen=True, slots=True)
class Difference:
    """Values that both of two models were asked about, by who read them rightly.

    :ivar chance: how likely a difference as large as this is between two models that are equally good.
    """

    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def chance(self) -> float:
        """Of 0 to 1: the sign test over the values of which one is right."""
        whole, fewer = self.first_only + self.second_only, min(self.first_only, self.second_only)
        if whole == 0:
            return 1.0
        return min(1.0, float(2 * sum(math.comb(whole, count) for count in range(fewer + 1)) / 2.0**whole))


def difference(first: Iterable[DocumentRun], second: Iterable[DocumentRun]) -> Difference:
    """Compare two models over the documents that both have read."""
    one, other = _verdicts(first), _verdicts(second)
    pairs = [(one[key], other[key]) for key in one.keys() & other.keys()]
    return Difference(
        pairs.count((True, True)), pairs.count((True, False)), pairs.count((False, True)), pairs.count((False, False))
    )


def _verdicts(runs: Iterable[DocumentRun]) -> dict[tuple[str, str], bool]:
    return {
        (run.document.path.name, value.compared.path): value.compared.verdict is Verdict.RIGHT
        for run in runs
        for value in run.values
    }


def _right(values: Sequence[Judged]) -> Share:
    return Share(_count(values, Verdict.RIGHT), len(values))


def _right_in_answer(value: Judged) -> bool:
    """Whether an answer of the model held the value rightly."""
    if value.lost is None:
        return False
    return value.lost or (value.compared.verdict is Verdict.RIGHT and not value.corrected)


def _count(values: Iterable[Judged], verdict: Verdict) -> int:
    return sum(value.compared.verdict is verdict for value in values)
