"""A key that was replaced is a new key: what a provider says of the old secret is not held against it."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from shared_code import errors
from shared_code.database import tables
from shared_code.database.stores.keys import token_keys

#: what does not depend on the database
on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def rotate(pipeline, token_id: int) -> None:
    secret = f"AIzaTest{uuid.uuid4().hex}"
    pipeline.services.database.run(
        lambda connection: token_keys.replace_key(connection, pipeline.services.cipher, token_id, secret)
    )


def type_in(pipeline, token_id: int) -> None:
    """A plain key by SQL, as people do: the fingerprint beside it stays that of the old one."""
    table = tables.token_master
    change = update(table).where(table.c.TokenID == token_id).values(ApiKey=f"AIzaTest{uuid.uuid4().hex}")
    pipeline.services.database.run(lambda connection: connection.execute(change))


def extract_while(pipeline, meanwhile: Callable[[], None]):
    """An extraction, during whose first model call something happens."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(pipeline.extract)
        while not [call for call in pipeline.gemini.calls() if call["method"] == "POST"]:
            threading.Event().wait(0.02)
        meanwhile()
        return running.result()


def check_that_the_new_secret_serves(pipeline, key, fault: str, change: Callable) -> None:
    pipeline.gemini.fault(fault, key=key.secret, times=0, delay_ms=1_000)
    assert extract_while(pipeline, lambda: change(pipeline, key.token_id)).data["status"]
    row = pipeline.status(key.token_id)
    assert (row.Status, row.CooldownUntil) == ("Active", None)
    assert [alert.Kind for alert in pipeline.rows(tables.alerts)] == []
    assert [row.Outcome for row in pipeline.rows()] == ["ok"]
    assert pipeline.summary(key.token_id).ReservedTokens == 0


@pytest.mark.parametrize("change", [rotate, type_in])
def test_a_refusal_of_the_old_secret_is_answered_with_the_new_one_at_once(pipeline, pauses, change):
    key = pipeline.add_key(provider_project="alpha")
    check_that_the_new_secret_serves(pipeline, key, "invalid_key", change)
    assert pauses.slept == []


@on_one_database
@pytest.mark.parametrize(
    "fault", ["expired_key", "leaked_key", "suspended", "no_credit", "per_minute_quota", "per_day_quota"]
)
def test_whatever_is_said_of_the_old_secret_is_not_held_against_the_new_one(pipeline, pauses, fault):
    key = pipeline.add_key(provider_project="alpha")
    check_that_the_new_secret_serves(pipeline, key, fault, rotate)
    assert pauses.slept == []


def test_a_rest_of_the_old_secret_does_not_bind_the_new_one(pipeline, pauses):
    key = pipeline.add_key()
    check_that_the_new_secret_serves(pipeline, key, "per_minute_quota", type_in)
    assert pauses.slept == []


@on_one_database
def test_a_new_secret_that_is_refused_as_well_is_blocked(pipeline):
    key = pipeline.add_key()
    pipeline.gemini.fault("invalid_key", times=0, delay_ms=1_000)
    with pytest.raises(errors.TokenUnavailable):
        extract_while(pipeline, lambda: rotate(pipeline, key.token_id))
    assert pipeline.status(key.token_id).Status == "Blocked"
    assert len([call for call in pipeline.gemini.calls() if call["method"] == "POST"]) == 2
    assert [alert.Kind for alert in pipeline.rows(tables.alerts)] == ["key_refused"]


@on_one_database
def test_a_refused_key_that_was_not_replaced_is_not_tried_again(pipeline):
    key = pipeline.add_key()
    pipeline.gemini.key(key.secret, state="invalid_key")
    with pytest.raises(errors.TokenUnavailable):
        pipeline.extract()
    assert len([call for call in pipeline.gemini.calls() if call["method"] == "POST"]) == 1
