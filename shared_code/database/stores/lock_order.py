"""In which order transactions lock rows, so that two of them never wait for each other in a ring.

1. the claim of a document (Claims)
2. its oldest reading (Extractions), by whoever ends another one or decides about one (:func:`hold_document`)
3. a reservation that ends (TokenReservations, DELETE)
4. a key's own row (TokenMaster)
5. the company's row (CompanySettings), by :func:`hold_company`
6. limits (Quotas), by whoever holds the company's row
7. a key's running total (TokenUsageSummary): one, or several by whoever holds the company's row
8. counters (QuotaCounters), in ascending order of id
9. reviews (Reviews), by whoever decides: first that of the reading, then those of later ones in their order
10. rows that are new, readings (Extractions) among them: nobody waits for those, because their ids are new too

A transaction leaves out what it does not need, and never goes back. The usual call holds neither the company's row nor
a limit's: its key's running total is the only row on which calls of one company wait for each other. On PostgreSQL a
conditional UPDATE that had to wait keeps its row locked even when it is refused in the end; so a reservation does not
try one key after another, it begins anew.

Why a counter that is made while calls come and go is exact, without any lock that those calls would not take anyway.
Whoever ends, books or gives back tokens first writes its rows, then takes the key's running total, and only then looks
up which counters exist and moves all of them. Whoever reserves takes the running total, and its last statement writes
the reservation only if no counter exists that it did not know. Whoever makes a counter holds the running totals of all
keys of the company when it sums what was booked and what is reserved, and until it commits. So of the two one comes
first. Either the call has committed: its rows are seen by the sums. Or the counter has committed: the call finds it.
Each statement sees what was committed when it began (READ COMMITTED; SQLite has one writer).

A call without a running total (the key was deleted, or is a setting's) holds the company's row instead, and so does
whoever makes a running total, because its row cannot be held by others before it is committed.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, String, bindparam, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from shared_code.database.company_case import same_company
from shared_code.database.stores.prepared import Prepared
from shared_code.database.tables import (
    company_settings,
    extractions,
    quota_counters,
    token_master,
    token_reservations,
    token_usage_summary,
)

summary = token_usage_summary

#: the oldest reading of a document but ``own``, if there is one
OLDEST = select(func.min(extractions.c.ExtractionID).label("Oldest")).where(
    extractions.c.CompanyID == bindparam("company", type_=String(50)),
    extractions.c.DocumentSha256 == bindparam("document", type_=String(64)),
    or_(extractions.c.PublicID.is_(None), extractions.c.PublicID != bindparam("own", type_=String(36))),
)
_FIND_OLDEST = Prepared(OLDEST)
_HOLD = Prepared(
    update(extractions).where(extractions.c.ExtractionID == bindparam("oldest")).values(State=extractions.c.State)
)


def hold_document(connection: Connection, company_id: str, sha256: str, *, not_id: str | None = None) -> bool:
    """Hold the oldest reading of a document, in the place of all of them, until the transaction ends.

    Whoever ends another reading holds it before looking for corrections, and whoever corrects before looking for later
    readings: whichever claims they belong to, one of the two finds what the other has written.

    :param not_id: the reading that the transaction itself has written.
    :returns: whether there is one.
    """
    wanted = {"company": company_id, "document": sha256, "own": not_id or ""}
    while (oldest := _FIND_OLDEST.first(connection, wanted).Oldest) is not None:
        # None when it was too old just now: the next one stands for the document.
        if _HOLD.changed(connection, {"oldest": oldest}) == 1:
            return True
    return False


def hold_company(connection: Connection, company_id: str) -> None:
    """Hold the company's row until the transaction ends; ``company_id`` is in upper case. One is made if need be."""
    held = update(company_settings).where(same_company(company_settings.c.CompanyID, company_id))
    while connection.execute(held.values(UpdatedAt=company_settings.c.UpdatedAt)).rowcount == 0:
        try:
            with connection.begin_nested():
                # Without a time zone of its own: the default one counts.
                connection.execute(insert(company_settings).values(CompanyID=company_id, TimeZone=""))
        except IntegrityError:  # another one has just made it: wait for that one's end
            continue
        return


def hold_keys(connection: Connection, company_id: str) -> None:
    """Hold the running totals of all keys of a company whose row is held; calls of the company wait meanwhile."""
    own = select(token_master.c.TokenID).where(same_company(token_master.c.CompanyID, company_id))
    # A key that was given to another company may still have calls of this one.
    running = select(token_reservations.c.TokenID).where(token_reservations.c.CompanyID == company_id)
    connection.execute(
        update(summary)
        .where(or_(summary.c.TokenID.in_(own), summary.c.TokenID.in_(running)))
        .values(ReservedTokens=summary.c.ReservedTokens)
    )


def hold_counters(connection: Connection, counter_ids: Iterable[int]) -> None:
    """Hold counters of two days, which a transaction moves one after the other."""
    for counter_id in sorted(counter_ids):
        held = update(quota_counters).where(quota_counters.c.CounterID == counter_id)
        connection.execute(held.values(ReservedTokens=quota_counters.c.ReservedTokens))
