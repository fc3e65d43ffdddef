"""Which quota counters are deleted by age: those of periods that ended long ago. Usage rows and sums stay."""

from sqlalchemy import String, and_, cast

from shared_code.database.stores.operations.rows_by_age import Expiring
from shared_code.database.tables import quota_counters

counter = quota_counters

#: A period is a name: 2026-11-21 or 2026-11. With this behind it, it sorts after every moment that begins with it, so
#: that only periods that have ended come before a moment.
_AFTER_THE_PERIOD = "-99"

#: by the day or month that they count; one that still holds reserved tokens waits for them to be given back
EXPIRING = Expiring(
    counter.c.CounterID,
    counter.c.Period,
    lambda before: and_(counter.c.Period + _AFTER_THE_PERIOD < cast(before, String(30)), counter.c.ReservedTokens == 0),
)
