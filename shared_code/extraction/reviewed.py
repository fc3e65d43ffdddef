"""What persons made of a reading, as its answers show it."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared_code.database.stores.reviews import review_rows
from shared_code.database.stores.reviews.review_rows import NONE
from shared_code.errors import ServiceError

if TYPE_CHECKING:
    from shared_code.database.connection import Database
    from shared_code.metering.finishing import Ended

_log = logging.getLogger(__name__)

#: seconds that an answer waits for a database that does not say whether the reading is to be reviewed
_LOOK_SECONDS = 1.0


class ReviewedRow(Protocol):
    """A stored reading, as far as persons have to do with it."""

    @property
    def review_state(self) -> str | None:
        """Of its review; None where no person was asked."""

    @property
    def corrected_values(self) -> str | None:
        """What persons made of the values, as JSON text."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What persons made of a reading: the state of its review, and the values that they corrected, as JSON text."""

    state: str = NONE
    corrected_values: str | None = None

    @classmethod
    def of(cls, stored: ReviewedRow) -> "Reviewed":
        """What a row of a reading says of it."""
        return cls(stored.review_state or NONE, stored.corrected_values)


def reviewed_now(database: "Database", reading_id: str, ended: "Ended | None") -> Reviewed:
    """What holds of a reading whose run has just ended; a database that is away costs this remark only.

    :param ended: what the end did; None when it waits in the outbox.
    """
    if ended is None:
        return Reviewed()
    if ended.review is not None:
        return Reviewed(ended.review.state, ended.review.corrected_values)
    # It was stored by an earlier try, or had a review before.
    try:
        found = database.read(
            lambda connection: review_rows.find_review(connection, reading_id), budget_seconds=_LOOK_SECONDS
        )
    except ServiceError as error:
        _log.warning("whether reading %s is to be reviewed could not be looked up: %s", reading_id, error.code)
        return Reviewed()
    return Reviewed() if found is None else Reviewed(found.state, found.corrected_values)
