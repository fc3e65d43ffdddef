"""The search for the same invoice: by each key on its own, with as much work for a million readings as for ten."""

import json

import pytest
from sqlalchemy import event

from shared_code.database.stores.extractions import readings
from shared_code.database.stores.extractions.readings import Finished, ReadingHead


def store(database, number, *, company="NT047", duplicate=None, similar=None):
    head = ReadingHead(f"r-{number}", company, f"{number:064}", f"call-{number}")
    finished = Finished("ok", json.dumps({}), duplicate, similar, invoice_number=f"N{number}")
    database.run(lambda connection: readings.insert_done(connection, head, finished))


def search(database, **keys):
    return database.read(
        lambda connection: readings.find_same_invoice(connection, "NT047", not_sha256=f"{9:064}", **keys)
    )


def test_both_keys_are_looked_for_and_a_reading_with_both_comes_once(database):
    store(database, 1, duplicate="d", similar="s")
    store(database, 2, similar="s")
    store(database, 3, duplicate="d")
    store(database, 4, duplicate="other", similar="another")
    store(database, 5, company="ACME", duplicate="d", similar="s")
    store(database, 9, duplicate="d", similar="s")
    found = search(database, duplicate_key="d", similar_key="s")
    assert found == [(f"{1:064}", "N1", True), (f"{2:064}", "N2", False), (f"{3:064}", "N3", True)]


@pytest.mark.parametrize(("keys", "numbers"), [(("d", None), [1, 3]), ((None, "s"), [1, 2]), ((None, None), [])])
def test_an_unknown_key_finds_nothing(database, keys, numbers):
    store(database, 1, duplicate="d", similar="s")
    store(database, 2, similar="s")
    store(database, 3, duplicate="d")
    store(database, 4)
    duplicate, similar = keys
    found = search(database, duplicate_key=duplicate, similar_key=similar)
    assert [number for _, number, _ in found] == [f"N{number}" for number in numbers]


def test_of_many_the_ten_oldest_are_given(database):
    for number in range(10, 22):
        store(database, number, similar="s")
    found = search(database, duplicate_key=None, similar_key="s")
    assert [number for _, number, _ in found] == [f"N{number}" for number in range(10, 20)]


def test_each_key_has_its_index(database):
    if database.dialect != "sqlite":
        pytest.skip("the plan of SQLite, which goes through all readings of the company otherwise")
    seen = []
    event.listen(
        database.engine, "before_cursor_execute", lambda _c, _cursor, sql, values, *_: seen.append((sql, values))
    )
    search(database, duplicate_key="d", similar_key="s")
    sql, values = next(entry for entry in seen if "UNION" in entry[0])
    with database.reading() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()
    steps = " ".join(row[-1] for row in plan)
    assert "IX_Extractions_Duplicate" in steps
    assert "IX_Extractions_Similar" in steps
    assert "IX_Extractions_Document" not in steps
