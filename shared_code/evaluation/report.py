"""The results as a page of Markdown that is as readable on a terminal of 80 columns."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from shared_code.evaluation.comparison import Verdict
from shared_code.evaluation.figures import LEVELS, Figures, Share
from shared_code.evaluation.judging import Judged
from shared_code.evaluation.results import Results
from shared_code.evaluation.runs import DocumentRun

WIDTH = 80
#: entries of a list that the page shows; results.json has all
_LISTED = 40
_VALUE_WIDTH = 40


def _per_document(total: float | Decimal | None, figures: Figures, form: str) -> str:
    return "-" if total is None or not figures.documents else format(total / figures.documents, form)


#: the rows of the first table
ROWS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("documents", lambda one: str(one.documents)),
    ("of these by model calls", lambda one: str(one.by_model)),
    ("known values", lambda one: str(one.right.whole)),
    ("right", lambda one: percent(one.right)),
    ("wrong", lambda one: str(one.wrong)),
    ("missing", lambda one: str(one.missing)),
    ("right values lost", lambda one: of_all(one.lost)),
    ("wrong values put right", lambda one: of_all(one.corrected)),
    ("wrong values passed", lambda one: str(one.wrong_passed)),
    ("missing values passed", lambda one: str(one.missing_passed)),
    *((f"precision of {level}", lambda one, level=level: counted(one.precision[level])) for level in LEVELS),
    ("answers without review", lambda one: counted(one.without_review)),
    ("outcome as expected", lambda one: of_all(one.as_expected)),
    ("more calls than expected", lambda one: str(one.too_many_calls)),
    ("tokens per document", lambda one: _per_document(one.tokens, one, ",.0f")),
    ("USD per document", lambda one: _per_document(one.cost_usd, one, ".6f")),
    ("seconds per document", lambda one: _per_document(one.seconds, one, ".2f")),
    ("tokens in all", lambda one: f"{one.tokens:,}"),
    ("USD in all", lambda one: "-" if one.cost_usd is None else f"{one.cost_usd:.6f}"),
)


def markdown(results: Results) -> str:
    """The whole page."""
    names = results.names()
    letters = letters_of(names)
    parts = [f"# Evaluation of {results.folder.path.name}", _about(results, names, letters)]
    figures = results.figures()
    heads = letters if len(names) > 1 else ["value"]
    parts.append(table(["what", *heads], [[title, *(show(one) for one in figures)] for title, show in ROWS]))
    parts.extend(_differences(results, letters))
    parts.append("## Fields")
    parts.append(table(["field", "known", *heads], list(_field_rows(figures))))
    for letter, model in zip(letters, results.models, strict=True):
        parts.extend(_lists(results.of(model), f" ({letter})" if len(names) > 1 else ""))
    parts.extend(_not_read(results, dict(zip(results.models, letters, strict=True))))
    return "\n\n".join(part for part in parts if part) + "\n"


def letters_of(names: Sequence[str]) -> list[str]:
    """A letter for each model: their names are too long for the heads of columns."""
    return [chr(ord("A") + number) for number in range(len(names))]


def percent(share: Share) -> str:
    """``91.4 %``."""
    return "-" if share.ratio is None else f"{share.ratio:.1%}".replace("%", " %")


def counted(share: Share) -> str:
    """``91.4 % of 58``."""
    return "-" if share.ratio is None else f"{percent(share)} of {share.whole}"


def of_all(share: Share) -> str:
    """``3 of 58``."""
    return "-" if not share.whole else f"{share.part} of {share.whole}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown with columns of one width; all but the first to the right."""
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        first, *others = cells
        placed = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        return f"| {' | '.join(placed)} |"

    rule = [":".ljust(widths[0], "-"), *("".rjust(width - 1, "-") + ":" for width in widths[1:])]
    return "\n".join([line(heads), line(rule), *(line(row) for row in rows)])


def _about(results: Results, names: Sequence[str], letters: Sequence[str]) -> str:
    told = [f"{letter} is {name}." for letter, name in zip(letters, names, strict=True)]
    said = f"Company {results.company}; {' '.join(told) if len(names) > 1 else f'model {names[0]}.'}"
    if results.limit_usd is not None:
        said += f" {results.spent_usd:.6f} of at most {results.limit_usd:f} USD were spent."
    if results.ended is not None:
        said += f" **The run ended early: {results.ended}.**"
    return _wrapped(said)


def _differences(results: Results, letters: Sequence[str]) -> Iterator[str]:
    for first, second, found in results.differences():
        one, other = letters[first], letters[second]
        yield _wrapped(
            f"Values that {one} and {other} were both asked about: right in both {found.both}, in {one} only "
            f"{found.first_only}, in {other} only {found.second_only}, in neither {found.neither}. Two models that are "
            f"equally good differ as much as this with a chance of {found.chance:.1%}."
        )


def _field_rows(figures: Sequence[Figures]) -> Iterator[list[str]]:
    titles = dict.fromkeys(title for one in figures for title in one.by_field)
    for title in titles:
        shares = [one.by_field.get(title, Share(0, 0)) for one in figures]
        yield [title, str(max(share.whole for share in shares)), *(percent(share) for share in shares)]


def _lists(runs: Sequence[DocumentRun], whose: str) -> Iterator[str]:
    errors = [
        (run, value)
        for run in runs
        if run.passed
        for value in run.values
        if value.compared.verdict is not Verdict.RIGHT
    ]
    yield from _listed(f"## Errors that passed{whose}", [_told(run, value) for run, value in errors])
    lost = [(run, value) for run in runs for value in run.values if value.lost]
    yield from _listed(f"## Right values lost{whose}", [_told(run, value) for run, value in lost])
    yield from _listed(
        f"## Documents that came out otherwise than expected{whose}",
        [
            f"{run.document.path.name}: {_outcome(run)}, not {' or '.join(sorted(run.document.outcomes or ()))}"
            for run in runs
            if run.as_expected is False
        ],
    )


def _not_read(results: Results, letters: dict[str | None, str]) -> Iterator[str]:
    several = len(letters) > 1
    yield from _listed(
        "## Documents left out",
        [
            f"{one.document.path.name}{f' ({letters[one.model]})' if several else ''}: {one.code}: {one.message}"
            for one in results.left_out
        ],
    )
    yield from _listed(
        "## Documents whose second call did not fit into the limit",
        [
            f"{run.document.path.name}{f' ({letters[run.model]})' if several else ''}"
            for run in results.runs
            if run.cut_short
        ],
    )
    yield from _listed("## Not evaluated: no known values", list(results.folder.without))


def _told(run: DocumentRun, value: Judged) -> str:
    compared = value.compared
    sure = f", {value.confidence}" if value.confidence else ""
    return (
        f"{run.document.path.name}: {compared.path}: {_shown(compared.got)}, not {_shown(compared.expected)} "
        f"({run.outcome}{sure})"
    )


def _outcome(run: DocumentRun) -> str:
    return run.outcome if run.error is None else f"{run.outcome} ({run.error[0]})"


def _listed(head: str, entries: Sequence[str]) -> Iterator[str]:
    if not entries:
        return
    shown = [_wrapped(f"- {entry}", "  ") for entry in entries[:_LISTED]]
    if len(entries) > _LISTED:
        shown.append(f"- and {len(entries) - _LISTED} more, see results.json")
    yield f"{head}\n\n" + "\n".join(shown)


def _shown(value: str | None) -> str:
    if value is None:
        return "nothing"
    plain = " ".join(value.split())
    return f"`{plain if len(plain) <= _VALUE_WIDTH else plain[: _VALUE_WIDTH - 3] + '...'}`"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
