"""100,000 readings of the version before become rows with ids, on each database; prints how long that takes."""

import time

import pytest
from sqlalchemy import func, insert, select

from shared_code.database import schema
from shared_code.database.engines import WRITE_OPTION
from shared_code.database.stores.extractions import claims as claim_store
from shared_code.database.tables import claims, extractions
from shared_code.labels import is_reading_id
from tests.conftest import empty_database_url  # noqa: F401 - fixture
from tests.integration.database.test_readings_upgrade import OLD, old_database, request, row  # noqa: F401 - fixture

ROWS = 100_000
#: one in so many has a result of 48 KB
LONG = 1_000
BATCH = 1_000


def old_row(number: int) -> dict[str, object]:
    name = f"{number:064x}"
    result = '{"long": "' + "₹" * 16_000 + '"}' if number % LONG == 0 else f'{{"number": {number}}}'
    state = ("done", "done", "done", "running", "short")[number % 5]
    made = row("e", state, result if state == "done" else None)
    claim = request("e", f"call-{number}")
    return made | {"ClaimKey": name, "DocumentSha256": name, "CallID": claim.call_id}


@pytest.mark.filterwarnings("ignore:.*xpression.*")
def test_a_hundred_thousand_readings_are_upgraded_in_place(old_database):  # noqa: F811 - fixture
    with old_database.engine.connect().execution_options(**{WRITE_OPTION: True}) as connection:
        for first in range(0, ROWS, BATCH):
            with connection.begin():
                connection.execute(insert(OLD), [old_row(number) for number in range(first, first + BATCH)])
    began = time.perf_counter()
    schema.upgrade(old_database)
    print(f"\n{old_database.dialect}: {ROWS} readings upgraded in {time.perf_counter() - began:.1f} s")
    ids = old_database.read(lambda c: c.execute(select(extractions.c.PublicID)).scalars().all())
    assert len(set(ids)) == len(ids) == ROWS + 4
    assert all(map(is_reading_id, ids))
    # Each digit is random: none stands still.
    assert all(len({reading_id[place] for reading_id in ids}) == 16 for place in range(4, 36))
    points = claims.join(extractions, extractions.c.PublicID == claims.c.ReadingID)
    same = select(func.count()).select_from(points).where(claims.c.DocumentSha256 == extractions.c.DocumentSha256)
    assert old_database.read(lambda c: c.execute(same).scalar()) == ROWS * 3 // 5 + 2
    longest = old_database.read(lambda c: claim_store.find_claim(c, f"{LONG:064x}"))
    assert longest.result == old_row(LONG)["Result"]
