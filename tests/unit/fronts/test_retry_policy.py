import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_code import errors
from shared_code.providers.base import KeyEffect, ModelCallFailed, Next
from shared_code.retry_policy import RetryConfig, RetryPolicy


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    async def async_sleep(self, seconds):
        self.sleep(seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def policy_of(clock):
    def build(**config):
        return RetryPolicy(
            RetryConfig(**({"jitter": False} | config)),
            sleep=clock.sleep,
            async_sleep=clock.async_sleep,
            clock=clock,
            wall_clock=lambda: 1_700_000_000.123,
            random=lambda: 0.5,
        )

    return build


def call_failed(next_step=Next.SAME_KEY, **more):
    return ModelCallFailed("The provider failed.", reason="x", next_step=next_step, **more)


class Flaky:
    """Raises its errors one after the other, then answers."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.calls = 0

    def __call__(self, answer="done"):
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return answer


def test_success_at_once_needs_no_retry(policy_of, clock):
    policy = policy_of()
    assert policy.execute_with_retry_sync(Flaky(), answer="a") == "a"
    assert (policy.retry_count, policy.get_retry_log(), clock.slept) == (0, [], [])


def test_three_retries_mean_up_to_four_calls(policy_of, clock):
    work = Flaky(*[ConnectionError("Connection timeout")] * 9)
    policy = policy_of()
    with pytest.raises(ConnectionError, match="Connection timeout"):
        policy.execute_with_retry_sync(work)
    assert (work.calls, policy.retry_count, clock.slept) == (4, 3, [1.0, 2.0, 4.0])
    log = policy.get_retry_log()
    assert log[0] == {"attempt": 1, "error": "Connection timeout", "retryable": True, "timestamp": 1_700_000_000.123}
    assert [entry["attempt"] for entry in log] == [1, 2, 3, 4]


def test_the_seeds_own_example(policy_of):
    """The example of the seed document, with sleeping replaced."""

    async def test_func():
        raise ConnectionError("Connection timeout")

    policy = policy_of()
    with pytest.raises(ConnectionError):
        asyncio.run(policy.execute_with_retry(test_func))
    assert policy.retry_count == 3
    assert {"attempt", "error", "retryable", "timestamp"} == set(policy.get_retry_log()[0])


def test_async_execution_takes_plain_functions_too(policy_of, clock):
    work = Flaky(TimeoutError("slow"))
    assert asyncio.run(policy_of().execute_with_retry(work, answer="b")) == "b"
    assert clock.slept == [1.0]


def test_async_functions_are_awaited_each_time(policy_of):
    calls = []

    async def work(value):
        calls.append(value)
        if len(calls) < 3:
            raise TimeoutError
        return value

    assert asyncio.run(policy_of().execute_with_retry(work, 7)) == 7
    assert calls == [7, 7, 7]


@pytest.mark.parametrize(
    "error",
    [
        ValueError("please try again"),
        FileNotFoundError("timeout.pdf"),
        errors.InvalidFile(),
        errors.TokenNotFound(),
        call_failed(Next.FAIL),
        RuntimeError("Failed: not an invoice"),
        RuntimeError("something odd"),
        KeyError("quota"),
    ],
)
def test_what_cannot_be_helped_is_raised_at_once(policy_of, clock, error):
    work = Flaky(error)
    policy = policy_of()
    with pytest.raises(type(error)) as caught:
        policy.execute_with_retry_sync(work)
    assert caught.value is error
    assert (work.calls, policy.retry_count, clock.slept) == (1, 0, [])
    assert policy.get_retry_log()[0]["retryable"] is False


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_interruptions_go_through_unlogged(policy_of, interruption):
    work = Flaky(interruption())
    policy = policy_of()
    with pytest.raises(interruption):
        policy.execute_with_retry_sync(work)
    assert (work.calls, policy.get_retry_log()) == (1, [])


def test_a_hint_longer_than_the_backoff_is_honoured(policy_of, clock):
    work = Flaky(call_failed(Next.OTHER_KEY, wait_seconds=41.0), errors.DatabaseUnavailable(retry_after=0.5))
    policy_of().execute_with_retry_sync(work)
    assert clock.slept == [41.0, 2.0]


def test_it_never_waits_past_the_deadline(policy_of, clock):
    work = Flaky(*[TimeoutError()] * 9)
    with pytest.raises(TimeoutError):
        policy_of(total_deadline_seconds=3.5, max_retries=9).execute_with_retry_sync(work)
    assert (clock.slept, work.calls) == ([1.0, 2.0], 3)


def test_a_hint_beyond_the_deadline_ends_it_without_waiting(policy_of, clock):
    work = Flaky(call_failed(Next.OTHER_KEY, wait_seconds=300.0))
    with pytest.raises(ModelCallFailed):
        policy_of(total_deadline_seconds=200).execute_with_retry_sync(work)
    assert (clock.slept, work.calls) == ([], 1)


def test_no_deadline_is_no_reason_to_sleep_for_a_day(policy_of, clock):
    with pytest.raises(ModelCallFailed):
        policy_of().execute_with_retry_sync(Flaky(call_failed(Next.OTHER_KEY, wait_seconds=86_400.0)))
    assert clock.slept == []


def test_an_error_may_allow_fewer_retries_than_the_policy(policy_of):
    work = Flaky(*[call_failed(max_same_key_retries=1)] * 9)
    with pytest.raises(ModelCallFailed):
        policy_of().execute_with_retry_sync(work)
    assert work.calls == 2


def test_a_second_use_starts_with_a_new_log_and_clock(policy_of, clock):
    policy = policy_of(total_deadline_seconds=10)
    policy.execute_with_retry_sync(Flaky(TimeoutError()))
    clock.now += 60
    assert policy.remaining_seconds == 0
    policy.execute_with_retry_sync(Flaky(TimeoutError()))
    assert (policy.retry_count, len(policy.get_retry_log())) == (1, 1)


def test_step_by_step_use_decides_like_the_loop(policy_of, clock):
    """What the pipeline does: it changes keys between calls and asks the policy only for permission and delay."""
    policy = policy_of(total_deadline_seconds=20)
    limited = call_failed(Next.OTHER_KEY, key_effect=KeyEffect.COOLING, wait_seconds=12)
    assert policy.begin_attempt() == 1
    entry = policy.record(limited, token_id=5, company_id="NT047", call_id="c", request_id="r")
    assert (entry.attempt, entry.token_id, entry.company_id, entry.retryable) == (1, 5, "NT047", True)
    assert policy.delay_before(1, limited) == 12
    clock.sleep(12)
    policy.begin_attempt()
    policy.record(limited, token_id=6, retryable=False)
    assert policy.delay_before(2, limited) is None
    assert policy.delay_before(2, TimeoutError()) == 2.0
    assert policy.delay_before(4, TimeoutError()) is None
    assert (policy.retry_count, policy.remaining_seconds) == (1, 8.0)
    assert [(entry["attempt"], entry["retryable"]) for entry in policy.get_retry_log()] == [(1, True), (2, False)]


def test_failures_with_one_key_are_counted_by_the_caller_when_it_changes_keys(policy_of):
    dropped = call_failed(max_same_key_retries=1)
    policy = policy_of()
    assert policy.delay_before(3, dropped) == 4.0
    assert policy.delay_before(3, dropped, same_key_failures=1) == 4.0
    assert policy.delay_before(3, dropped, same_key_failures=2) is None


def test_jitter_stays_between_half_and_the_whole(clock):
    for value, expected in ((0.0, 2.0), (0.5, 3.0), (0.999, pytest.approx(4.0, abs=0.01))):
        policy = RetryPolicy(RetryConfig(), clock=clock, random=lambda value=value: value)
        assert policy.delay_before(3, TimeoutError()) == expected


@given(
    attempt=st.integers(1, 10**6),
    multiplier=st.floats(1, 1e6),
    initial=st.floats(0, 1e6),
    maximum=st.floats(0, 600),
    deadline=st.floats(0.1, 1000),
)
def test_delays_are_finite_bounded_and_inside_the_deadline(attempt, multiplier, initial, maximum, deadline):
    config = RetryConfig(
        max_retries=10**6,
        initial_delay=initial,
        max_delay=maximum,
        backoff_multiplier=multiplier,
        total_deadline_seconds=deadline,
    )
    delay = RetryPolicy(config, clock=lambda: 0.0).delay_before(attempt, TimeoutError())
    assert delay is None or 0 <= delay <= maximum
    assert delay is None or delay < deadline


@pytest.mark.parametrize(
    "values",
    [
        {"max_retries": -1},
        {"max_retries": 1.5},
        {"max_retries": True},
        {"initial_delay": -1},
        {"initial_delay": float("nan")},
        {"max_delay": float("inf")},
        {"backoff_multiplier": 0.5},
        {"total_deadline_seconds": 0},
        {"total_deadline_seconds": float("nan")},
    ],
)
def test_a_config_that_makes_no_sense_is_refused(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        RetryConfig(**values)


def test_the_config_is_the_seeds_and_frozen():
    config = RetryConfig()
    assert (config.max_retries, config.initial_delay, config.max_delay, config.backoff_multiplier, config.jitter) == (
        3,
        1.0,
        30.0,
        2.0,
        True,
    )
    with pytest.raises(AttributeError):
        config.max_retries = 5


def test_keys_never_reach_the_log(policy_of):
    policy = policy_of()
    policy.record(RuntimeError("key AIzaSyD-0123456789abcdefghijk was refused, Bearer sk-abcdefghijklmnop"))
    failure = call_failed()
    failure.details["provider_message"] = "400 X: API key sk-abcdefghijklmnop"
    policy.record(failure)
    told = str(policy.get_retry_log())
    assert "AIza" not in told
    assert "sk-abc" not in told
    assert "x: The provider failed. [400 X: API key ***]" in told


def test_an_error_without_text_is_named_by_its_type(policy_of):
    assert policy_of().record(TimeoutError()).error == "TimeoutError"
