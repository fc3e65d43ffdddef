"""What a billed answer says, or what is wrong with it."""

import logging
from dataclasses import dataclass

from shared_code import errors
from shared_code.extraction.answer.cut_answer import CutAnswer, read_cut_answer
from shared_code.extraction.answer.wire_schema import WireAnswer, parse_answer
from shared_code.providers.base import Finish, ModelAnswer

_log = logging.getLogger(__name__)

REFUSED = "refused"
TRUNCATED = "truncated"
LOOPED = "looped"
EMPTY = "empty"
BAD_ANSWER = "bad_answer"


@dataclass(frozen=True, slots=True)
class Heard:
    """A billed answer as it was understood.

    :ivar wire: the whole answer; None when there is trouble.
    :ivar trouble: the outcome that is booked for an answer that will not do; None when it was understood.
    :ivar cut: what is good in an answer that was cut.
    """

    wire: WireAnswer | None
    trouble: str | None = None
    cut: CutAnswer | None = None


def hear(answer: ModelAnswer, *, rows: int | None) -> Heard:
    """Read an answer.

    :param rows: rows of tables that were counted on the pages it is about, None when nothing is known.
    """
    if answer.finish is Finish.TRUNCATED:
        cut = read_cut_answer(answer.text, rows=rows)
        return Heard(None, LOOPED if cut.looped else TRUNCATED, cut)
    if answer.finish is not Finish.STOP:
        return Heard(None, REFUSED if answer.finish is Finish.REFUSED else EMPTY)
    try:
        return Heard(parse_answer(answer.text))
    except errors.ProviderBadAnswer as error:
        _log.warning("the model's answer cannot be used: %s", error.details.get("reason"))
        return Heard(None, BAD_ANSWER)
