"""All that an evaluation found out, and its form for programs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from shared_code.evaluation.figures import Difference, Figures, Share, difference, figures_of
from shared_code.evaluation.folder import KnownFolder
from shared_code.evaluation.judging import Judged
from shared_code.evaluation.runs import DocumentRun, LeftOut

#: what a model is called that was chosen by the keys and the settings
AS_CONFIGURED = "as configured"


@dataclass(slots=True)
class Results:
    """Grows document by document, so that it can be shown however a run ends.

    :ivar spent_usd: what all calls did cost, also those for documents that are in no list.
    :ivar ended: why the run ended early; None when every document had its turn.
    """

    folder: KnownFolder
    company: str
    models: Sequence[str | None]
    limit_usd: Decimal | None = None
    runs: list[DocumentRun] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    spent_usd: Decimal = Decimal(0)
    ended: str | None = None

    def add(self, result: DocumentRun | LeftOut) -> None:
        """Take in what came of one document."""
        if isinstance(result, LeftOut):
            self.left_out.append(result)
        else:
            self.runs.append(result)

    def of(self, model: str | None) -> list[DocumentRun]:
        """The documents that a model has read."""
        return [run for run in self.runs if run.model == model]

    def figures(self) -> list[Figures]:
        """Of each model, in the order of the models."""
        return [figures_of(self.of(model)) for model in self.models]

    def names(self) -> list[str]:
        """Of each model; one that was not asked for by name is called by the models that answered."""
        return [model or self._answering() for model in self.models]

    def _answering(self) -> str:
        names = sorted({run.answered_by for run in self.of(None) if run.answered_by})
        return f"{AS_CONFIGURED} ({', '.join(names)})" if names else AS_CONFIGURED

    def differences(self) -> list[tuple[int, int, Difference]]:
        """Each model but the first beside the first, by their places."""
        first = self.of(self.models[0])
        return [(0, place, difference(first, self.of(model))) for place, model in enumerate(self.models) if place]


def facts(results: Results) -> dict[str, Any]:
    """Everything, per model, document and value, for JSON."""
    return {
        "folder": str(results.folder.path),
        "company_id": results.company,
        "limit_usd": results.limit_usd,
        "spent_usd": results.spent_usd,
        "ended": results.ended,
        "models": [
            {"asked": model, "name": name, **_figures(figures)}
            for model, name, figures in zip(results.models, results.names(), results.figures(), strict=True)
        ],
        "differences": [
            {
                "first": results.names()[first],
                "second": results.names()[second],
                "right_in_both": found.both,
                "right_in_first_only": found.first_only,
                "right_in_second_only": found.second_only,
                "right_in_neither": found.neither,
                "chance": round(found.chance, 4),
            }
            for first, second, found in results.differences()
        ],
        "documents": [_document(run) for run in results.runs],
        "left_out": [
            {
                "file": one.document.path.name,
                "model": one.model,
                "code": one.code,
                "message": one.message,
                "tokens": one.tokens,
                "cost_usd": one.cost_usd,
            }
            for one in results.left_out
        ],
        "without_known_values": results.folder.without,
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "documents": figures.documents,
        "values": _share(figures.right),
        "wrong": figures.wrong,
        "missing": figures.missing,
        "lost": _share(figures.lost),
        "corrected": _share(figures.corrected),
        "wrong_passed": figures.wrong_passed,
        "missing_passed": figures.missing_passed,
        "precision": {level: _share(share) for level, share in figures.precision.items()},
        "without_review": _share(figures.without_review),
        "as_expected": _share(figures.as_expected),
        "more_calls_than_expected": figures.too_many_calls,
        "read_by_model_calls": figures.by_model,
        "calls": figures.calls,
        "tokens": figures.tokens,
        "cost_usd": figures.cost_usd,
        "seconds": round(figures.seconds, 3),
        "median_seconds": round(figures.median_seconds, 3),
        "fields": {title: _share(share) for title, share in figures.by_field.items()},
    }


def _share(share: Share) -> dict[str, Any]:
    interval = share.interval
    return {
        "part": share.part,
        "whole": share.whole,
        "share": None if share.ratio is None else round(share.ratio, 4),
        "interval_95": None if interval is None else [round(bound, 4) for bound in interval],
    }


def _document(run: DocumentRun) -> dict[str, Any]:
    return {
        "file": run.document.path.name,
        "model": run.model,
        "answered_by": run.answered_by,
        "outcome": run.outcome,
        "expected_outcomes": None if run.document.outcomes is None else sorted(run.document.outcomes),
        "as_expected": run.as_expected,
        "error": None if run.error is None else {"code": run.error[0], "message": run.error[1]},
        "method": run.method,
        "calls": run.calls,
        "calls_at_most": run.document.calls_at_most,
        "cut_short": run.cut_short,
        "tokens": run.tokens,
        "cost_usd": run.cost_usd,
        "seconds": round(run.seconds, 3),
        "warnings": run.warnings,
        "values": [_value(value) for value in run.values],
    }


def _value(value: Judged) -> dict[str, Any]:
    compared = value.compared
    return {
        "field": compared.title,
        "path": compared.path,
        "expected": compared.expected,
        "got": compared.got,
        "found_at": compared.found_at,
        "verdict": compared.verdict.value,
        "confidence": value.confidence,
        "review": value.flagged,
        "lost": value.lost,
        "corrected": value.corrected,
    }
