"""A DELETE or UPDATE whose condition looks into another table."""

import json

from sqlalchemy import delete, exists, literal, not_, select, update

from shared_code.database.stores.extractions import claims, readings
from shared_code.database.stores.extractions.claims import ClaimRequest
from shared_code.database.stores.extractions.readings import Finished, ReadingHead
from shared_code.database.tables import claims as table
from shared_code.database.tables import extractions

OF_NO_READING = not_(exists(select(literal(1)).where(extractions.c.CallID == table.c.CallID)))


def claim_and_read(database):
    """Claims of the calls 1 and 2, and a reading of call 1."""
    for number in (1, 2):
        wanted = ClaimRequest("NT047", f"{number:064}", "p", "gemini", "m", "", f"call-{number}", 60)
        database.run(lambda connection, wanted=wanted: claims.insert_claim(connection, wanted))
    head, finished = ReadingHead("r-1", "NT047", f"{1:064}", "call-1"), Finished("ok", json.dumps({}), None, None)
    database.run(lambda connection: readings.insert_done(connection, head, finished))


def calls(database, column=table.c.CallID):
    return database.read(lambda connection: list(connection.execute(select(column).order_by(table.c.CallID)).scalars()))


def test_rows_are_deleted_by_what_another_table_has_of_them(database):
    claim_and_read(database)
    assert database.run(lambda connection: connection.execute(delete(table).where(OF_NO_READING)).rowcount) == 1
    assert calls(database) == ["call-1"]


def test_rows_are_changed_by_what_another_table_has_of_them(database):
    claim_and_read(database)
    statement = update(table).where(OF_NO_READING).values(Model="changed")
    assert database.run(lambda connection: connection.execute(statement).rowcount) == 1
    assert calls(database, table.c.Model) == ["m", "changed"]
