"""The statements that let the identity in; their names cannot be bound, so nothing else may get in with them."""

import re

import pytest

from shared_code.database.service_login import statements
from shared_code.database.tables import metadata
from shared_code.errors import InvalidRequest

OBJECT = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"


def test_it_may_read_and_write_rows_of_all_our_tables_and_nothing_else():
    create, grants = statements("id-invoices-x", OBJECT.upper())
    assert create == f"CREATE USER [id-invoices-x] FROM EXTERNAL PROVIDER WITH OBJECT_ID = '{OBJECT}'"
    found = [
        re.fullmatch(r"GRANT SELECT, INSERT, UPDATE, DELETE ON (.*) TO \[id-invoices-x\]", grant)[1] for grant in grants
    ]
    # The two tables of the earlier system that stand in no schema of its own.
    assert found == ["SCHEMA::[docUpload]", "OBJECT::[dbo].[ApplicationLogs]", "OBJECT::[dbo].[RetryAttempts]"]
    covered = {"docUpload", *re.findall(r"\[dbo\]\.\[(\w+)\]", " ".join(found))}
    assert {table.schema or table.name for table in metadata.sorted_tables} == covered


@pytest.mark.parametrize("name", ["", "a]b", "a b", "a;b", "a'b", "é", "x" * 129])
def test_a_name_that_could_end_the_statement_is_refused(name):
    with pytest.raises(InvalidRequest):
        statements(name, OBJECT)


@pytest.mark.parametrize("object_id", ["", "nonsense", OBJECT + "' --"])
def test_an_id_that_is_none_is_refused(object_id):
    with pytest.raises(InvalidRequest):
        statements("id", object_id)
