"""A review that is decided, what its result files still have to get, and reviews that go with an erased document."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, insert, literal, not_, null, or_, select, update
from sqlalchemy.exc import IntegrityError

from shared_code.database.stores.operations.rows_by_age import Expiring
from shared_code.database.stores.reviews.review_rows import DECIDED, Review
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import corrections, extractions, result_files, review_decisions, reviews
from shared_code.database.text_columns import fitting

table = reviews

#: the version of a review that was decided once
_AFTER_ONE_DECISION = 2

_gone_reading = not_(exists(select(literal(1)).where(extractions.c.PublicID == result_files.c.ReadingID)))
#: notes of result files whose reading has gone for its age
EXPIRING_FILES = Expiring(
    result_files.c.ResultFileID,
    result_files.c.WrittenAt,
    lambda before: and_(result_files.c.WrittenAt < before, _gone_reading),
)


@dataclass(frozen=True, slots=True)
class ResultFile:
    """The result of a version of a dropped file, which shows a reading."""

    reading_id: str
    source_name: str
    source_etag: str

    @property
    def digest(self) -> str:
        """Stands for the version: a name is too long for an index."""
        return hashlib.sha256(f"{self.source_name}\0{self.source_etag}".encode(errors="replace")).hexdigest()


def write_decision(
    connection: Connection,
    before: Review,
    *,
    state: str,
    actor: str,
    at: datetime,
    reason: str | None,
    postponed_until: datetime | None,
    corrected: str | None,
) -> bool:
    """Bring a review to a new state and its next version; False when it has another version meanwhile.

    :param corrected: the values of all corrections so far, as JSON.
    """
    values: dict[str, Any] = {
        "State": state,
        "Version": before.version + 1,
        "DecidedAt": at,
        "DecidedBy": fitting(actor, 100),
        "DecisionReason": None if reason is None else fitting(reason, 1000),
        "PostponedUntil": postponed_until,
        "CorrectedValues": corrected,
        "TakenBy": null(),
        "TakenUntil": null(),
    }
    if state in DECIDED and has_result_files(connection, before.reading_id):
        values["ResultOwed"] = before.version + 1
    mine = (table.c.ReadingID == before.reading_id, table.c.Version == before.version)
    return connection.execute(update(table).where(*mine).values(values)).rowcount == 1


def has_result_files(connection: Connection, reading_id: str) -> bool:
    """Whether results of dropped files show a reading."""
    own = select(result_files.c.ResultFileID).where(result_files.c.ReadingID == reading_id).limit(1)
    return connection.execute(own).first() is not None


def note_result_file(connection: Connection, file: ResultFile) -> None:
    """Note that the result of a dropped file shows a reading, before it is written; again is no harm."""
    values = {
        "ReadingID": file.reading_id,
        "SourceName": file.source_name,
        "SourceETag": file.source_etag,
        "SourceSha256": file.digest,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(result_files).values(values))
    except IntegrityError:  # it was noted before
        pass


def owe_newer_result(connection: Connection, reading_id: str, *, state: str) -> None:
    """Have a result written again that was decided on while it was written, as ``state`` says that it shows."""
    # After two decisions the same state may stand for other values.
    other = or_(table.c.State != state, table.c.Version > _AFTER_ONE_DECISION)
    newer = (table.c.ReadingID == reading_id, table.c.State.in_(DECIDED), other)
    connection.execute(update(table).where(*newer).values(ResultOwed=table.c.Version))


def find_owed(connection: Connection, *, limit: int) -> list[Review]:
    """Reviews whose decision is not in all their result files yet, oldest first."""
    owed = select(table).where(table.c.ResultOwed.is_not(None)).order_by(table.c.ReviewID).limit(limit)
    return [from_row(Review, row) for row in connection.execute(owed).all()]


def end_owed(connection: Connection, reading_id: str, version: int) -> None:
    """The files have what this version says; a decision that came meanwhile is still owed."""
    mine = (table.c.ReadingID == reading_id, table.c.ResultOwed == version)
    connection.execute(update(table).where(*mine).values(ResultOwed=null()))


def result_files_of(connection: Connection, reading_id: str) -> list[ResultFile]:
    """The results of dropped files that show a reading."""
    own = select(result_files).where(result_files.c.ReadingID == reading_id).order_by(result_files.c.ResultFileID)
    return [ResultFile(row.ReadingID, row.SourceName, row.SourceETag) for row in connection.execute(own).all()]


def erase_reviews(connection: Connection, reading_ids: Sequence[str]) -> None:
    """Delete all that persons made of up to 500 readings, which are erased."""
    for rows in (reviews, review_decisions, corrections, result_files):
        connection.execute(delete(rows).where(rows.c.ReadingID.in_(reading_ids)))
