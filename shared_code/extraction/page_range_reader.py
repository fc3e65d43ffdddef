"""Reads a document that is too long for one answer: range by range, each its own call, and joins the answers.

Ranges are made before the first call, by the rows that were counted on the pages, or after an answer was cut: then only
the pages behind its last complete row are asked for. What was paid for is kept: when a range gives no answer, the
others are returned with a warning.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared_code import errors
from shared_code.documents.document import Document
from shared_code.documents.page_ranges import PageRange, cut_out
from shared_code.extraction.answer.cut_answer import CutAnswer
from shared_code.extraction.answer.heard import LOOPED, REFUSED, TRUNCATED, Heard, hear
from shared_code.extraction.answer.page_range_merge import PartAnswer
from shared_code.extraction.answer.wire_schema import Row, WireInvoice, page_of
from shared_code.extraction.call_plan import CallPlan
from shared_code.extraction.model_calls import ModelCalls
from shared_code.metering.estimates import EMPTY_ANSWER_TOKENS, LINE_ANSWER_TOKENS
from shared_code.providers.base import ModelAnswer
from shared_code.providers.vendors import model_info
from shared_code.records import Finding

_log = logging.getLogger(__name__)

#: outcome of a call about some of the pages
PART = "part"
#: tokens that one answer is planned for: twice as many are below the limit of most models, and a model writes them
#: within the time that a call has
_PLANNED_TOKENS = 28_000
#: of a model's limit the share that an answer is planned for
_PLANNED_SHARE = 0.6
#: a document that needs more calls is refused before the first one
_MOST_RANGES = 16
#: calls beyond the planned ones: what is asked for again, and what follows a cut
_SPARE_CALLS = 4
_LINES = "line_items"


def split_pages(rows: Sequence[int | None], model: str) -> list[PageRange]:
    """The ranges in which a model is asked about a document; one range is the whole document.

    :param rows: rows of tables that were counted on each page, None for a page of which nothing is known.
    :raises errors.TooManyPages: it would take more calls than are made for one document.
    """
    info = model_info(model)
    planned = min(_PLANNED_TOKENS, int(_PLANNED_SHARE * (info.output_limit - info.expected_thoughts)))
    room = planned - EMPTY_ANSWER_TOKENS
    ranges: list[PageRange] = []
    first, used = 1, 0
    for page, count in enumerate(rows, start=1):
        needed = LINE_ANSWER_TOKENS * (count or 0)
        if page > first and used + needed > room:
            ranges.append(PageRange(first, page - 1))
            first, used = page, 0
        used += needed
    ranges.append(PageRange(first, max(len(rows), 1)))
    if len(ranges) > _MOST_RANGES:
        lines = sum(count or 0 for count in rows)
        raise errors.TooManyPages(
            f"The document has about {lines} lines, which are more than can be read at once. Please split it.",
            details={"reason": "too_many_lines", "actual": lines},
        )
    return ranges


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Pages to ask about; ``again`` when an answer about just these was not usable, ``larger`` when it was cut."""

    pages: PageRange
    again: bool = False
    larger: bool = False


@dataclass(slots=True)
class RangeAnswers:
    """What came of all ranges.

    :ivar parts: the answers in the order of their pages.
    :ivar unread: pages of which lines are missing.
    :ivar trouble: why.
    :ivar answer: the last answer, which was billed.
    :ivar is_open: whether it is still to be settled.
    """

    parts: list[PartAnswer] = field(default_factory=list)
    unread: list[PageRange] = field(default_factory=list)
    trouble: str | None = None
    answer: ModelAnswer | None = None
    is_open: bool = False

    def are_worth_keeping(self, error: errors.ServiceError) -> bool:
        """Whether they are given although an error ends the reading.

        A limit passes, and a piece of one answer that a limit has cut is worth less than the whole one later.
        """
        if isinstance(error, errors.QuotaExceeded):
            return any(part.is_whole for part in self.parts)
        return bool(self.parts)

    def without(self, trouble: str | None, *pages: _Waiting) -> "RangeAnswers":
        """These answers, with pages that were not read to their end."""
        self.unread += (one.pages for one in pages)
        self.trouble = self.trouble or trouble
        return self

    def findings(self) -> tuple[Finding, ...]:
        """A warning that names the pages that could not be read to their end."""
        if not self.unread:
            return ()
        found = ", ".join(map(str, self.unread))
        message = f"Not all of the document could be read ({self.trouble}); lines and totals of {found} may be missing."
        return (Finding("pages_not_read", message, _LINES, found=found),)


class PageRangeReader:
    """Asks about the pages of one document, once.

    :param texts: the visible text of each page; may be empty.
    """

    def __init__(self, calls: ModelCalls, document: Document, plan: CallPlan, texts: Sequence[str]) -> None:
        self._calls = calls
        self._document = document
        self._plan = plan
        self._texts = [" ".join(text.split()).casefold() for text in texts]
        self._answers = RangeAnswers()
        self._todo: list[_Waiting] = []
        self._spare = _SPARE_CALLS
        #: another model is asked next: the present one went into a loop, or refused
        self._elsewhere = False

    def read(self, ranges: Sequence[PageRange]) -> RangeAnswers:
        """Ask about one range after another.

        :raises errors.ServiceError: nothing could be read at all; every billed answer is booked.
        """
        self._todo = [_Waiting(pages) for pages in ranges]
        return self._work_off()

    def go_on(self, answer: ModelAnswer, heard: Heard) -> RangeAnswers:
        """Ask for what is missing in an answer about the whole document that was cut, and is settled.

        :raises errors.ServiceError: as :meth:`read`.
        """
        self._answers.answer = answer
        self._after_trouble(_Waiting(PageRange(1, self._document.page_count)), self._plan, heard)
        return self._work_off()

    def _work_off(self) -> RangeAnswers:
        answers = self._answers
        while self._todo:
            following = self._todo.pop(0)
            self._settle(PART)
            try:
                asked = self._plan_of(following)
                answer = self._calls.ask_elsewhere(asked) if self._elsewhere else self._calls.ask(asked)
            except errors.ServiceError as error:
                if not answers.are_worth_keeping(error):
                    raise
                _log.warning("%s could not be read: %s", following.pages, error.code)
                return answers.without(error.code, following, *self._todo)
            if answer is None:
                return answers.without(LOOPED, following, *self._todo)
            answers.answer, answers.is_open = answer, True
            heard = hear(answer, rows=known_rows(asked.rows))
            if heard.wire is None:
                self._settle(heard.trouble or PART)
                self._after_trouble(following, asked, heard)
            else:
                self._elsewhere = False
                # A whole answer takes the place of what was kept of one about the same pages.
                answers.parts = [part for part in answers.parts if part.pages != following.pages]
                answers.parts.append(PartAnswer(following.pages, heard.wire))
        return answers

    def _after_trouble(self, asked_about: _Waiting, asked: CallPlan, heard: Heard) -> None:
        """Keep what is good, and decide what is asked for next."""
        pages, cut_off = asked_about.pages, heard.trouble == TRUNCATED
        part, rest = self._kept(heard, pages)
        may_ask = self._spare > 0
        self._elsewhere = heard.trouble in (LOOPED, REFUSED)
        self._spare -= 1
        if rest is not None and may_ask:
            self._answers.parts += [part] if part else []
            self._todo.insert(0, _Waiting(rest))
        elif may_ask and not asked_about.again and (not cut_off or asked.can_grow(self._calls.place[1])):
            # What is kept of this answer serves when the next one brings nothing.
            self._answers.parts += [part] if part else []
            self._todo.insert(0, _Waiting(pages, again=True, larger=cut_off))
        else:
            if part and not any(kept.pages == pages for kept in self._answers.parts):
                self._answers.parts.append(part)
            self._answers.without(heard.trouble, asked_about)

    def _kept(self, heard: Heard, pages: PageRange) -> tuple[PartAnswer | None, PageRange | None]:
        """What is good in a cut answer about ``pages``, and the pages behind it; None for those when that is all."""
        if heard.cut is None or heard.cut.wire is None:
            return None, None
        texts = self._texts[pages.first - 1 : pages.last]
        sure, resume = _resumption(heard.cut, heard.cut.wire.invoices[-1], len(pages), texts)
        part = PartAnswer(pages, heard.cut.wire, sure)
        return part, None if resume == 1 else PageRange(pages.first + resume - 1, pages.last)

    def _plan_of(self, following: _Waiting) -> CallPlan:
        asked = self._plan.for_pages(following.pages, cut_out(self._document, following.pages))
        return asked.with_more_room() if following.larger else asked

    def _settle(self, outcome: str) -> None:
        if self._answers.is_open and self._answers.answer is not None:
            self._answers.is_open = False
            self._calls.settle(self._answers.answer, outcome=outcome)


def known_rows(rows: Sequence[int | None]) -> int | None:
    """All rows of some pages; None when nothing is known of one of them."""
    counts = [count for count in rows if count is not None]
    return sum(counts) if counts and len(counts) == len(rows) else None


def _resumption(cut: CutAnswer, last: WireInvoice, count: int, texts: Sequence[str]) -> tuple[int, int]:
    """How many lines of a cut answer stand before the page on which it was cut, and that page, from 1."""
    lines = last.rows[_LINES]
    at = _pages_of(lines, count, texts)
    page = 1
    if cut.open_table == _LINES and lines:
        page = at[-1]
    elif cut.open_table == "line_taxes":
        taxed = {row["line_no"] for row in last.rows["line_taxes"]}
        page = max((page for row, page in zip(lines, at, strict=True) if row["line_no"] in taxed), default=1)
    elif cut.open_table not in (None, "parties"):
        page = count
    return sum(other < page for other in at), page


def _pages_of(lines: Sequence[Row], count: int, texts: Sequence[str]) -> list[int]:
    """The page of each line, from 1, never going back and rather too early than too late.

    By where its text is found behind that of the line before, and by what the model says.
    """
    found, page, start = [], 1, 0
    for row in lines:
        text = " ".join((row["description"] or "").split()).casefold()
        said = page_of(row["page"])
        there, behind = _next_place(text, texts, page, start)
        places = [at for at in (said, there) if at is not None and page <= at <= count]
        now = min(places, default=page)
        if now == there:
            start = behind
        elif now != page:
            start = 0
        page = now
        found.append(page)
    return found


def _next_place(text: str, texts: Sequence[str], page: int, start: int) -> tuple[int | None, int]:
    """The first page from ``page`` on, there behind ``start``, that has a text, and where it ends."""
    for at in range(page, len(texts) + 1) if text else ():
        place = texts[at - 1].find(text, start if at == page else 0)
        if place >= 0:
            return at, place + len(text)
    return None, 0
