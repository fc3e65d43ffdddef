"""The search for the same invoice: by each key on its own, with as much work for a million readings as for ten."""

import json

import pytest
from sqlalchemy import event

from shared_code.database.stores.extractions import readings
from shared_code.database.stores.extractions.readings import Finished, ReadingHead
from shared_code.database.stores.extractions.same_invoice import SameInvoice, find_same_invoice


def store(database, number, *, company="NT047", duplicate=None, similar=None):
    head = ReadingHead(f"r-{number}", company, f"{number:064}", f"call-{number}")
    finished = Finished("ok", json.dumps({}), duplicate, similar, invoice_number=f"N{number}")
    database.run(lambda connection: readings.insert_done(connection, head, finished))


def search(database, **keys):
    return database.read(lambda connection: find_same_invoice(connection, "NT047", not_sha256=f"{9:064}", **keys))


def test_the_earliest_document_that_is_certain_comes_before_an_earlier_one_that_may_be_the_same(database):
    store(database, 1, similar="s")
    store(database, 2, duplicate="other", similar="another")
    store(database, 3, duplicate="d")
    store(database, 4, duplicate="d", similar="s")
    assert search(database, duplicate_key="d", similar_key="s") == SameInvoice(f"{3:064}", "N3", certain=True)


def test_the_document_itself_and_those_of_other_companies_are_not_found(database):
    store(database, 1, company="ACME", duplicate="d", similar="s")
    store(database, 9, duplicate="d", similar="s")
    assert search(database, duplicate_key="d", similar_key="s") is None


@pytest.mark.parametrize(("keys", "number"), [(("d", None), 3), ((None, "s"), 2), ((None, None), None)])
def test_an_unknown_key_finds_nothing(database, keys, number):
    store(database, 1)
    store(database, 2, similar="s")
    store(database, 3, duplicate="d")
    duplicate, similar = keys
    found = search(database, duplicate_key=duplicate, similar_key=similar)
    assert found == (number and SameInvoice(f"{number:064}", f"N{number}", certain=duplicate is not None))


def test_a_reading_without_number_is_not_certain_although_the_other_one_has_none_either(database):
    store(database, 1, similar="s")
    found = search(database, duplicate_key=None, similar_key="s")
    assert found == SameInvoice(f"{1:064}", "N1", certain=False)


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
    assert "TEMP B-TREE" not in steps, "it would sort all readings with the key"
