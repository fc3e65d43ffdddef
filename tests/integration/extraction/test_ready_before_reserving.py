"""Tokens are reserved when nothing but the call itself is left to do: a kill before that costs nothing."""

import pytest
from sqlalchemy import event

from shared_code import errors
from shared_code.records import Provider


@pytest.mark.parametrize("vendor", [Provider.GEMINI, Provider.OPENAI])
def test_at_the_first_reservation_a_connection_to_the_vendor_is_open(pipeline, gemini, openai, vendor):
    pipeline.add_key(provider=vendor)
    stand_in = gemini if vendor is Provider.GEMINI else openai
    open_then: list[int] = []

    def watch(_connection, _cursor, statement, *_rest) -> None:
        if statement.startswith("INSERT INTO") and "TokenReservations" in statement:
            open_then.append(stand_in.connections)

    event.listen(pipeline.services.database.engine, "before_cursor_execute", watch)
    pipeline.extract()
    pipeline.extract()
    assert open_then == [1, 1]
    assert stand_in.connections == 1
    assert [call["connection"] for call in stand_in.calls()] == [1, 1]


def test_a_vendor_that_cannot_be_reached_is_found_out_by_the_call_itself(pipeline, gemini):
    pipeline.add_key()
    gemini.stop()
    with pytest.raises(errors.ProviderUnavailable):
        pipeline.extract()
    assert pipeline.rows() == []
