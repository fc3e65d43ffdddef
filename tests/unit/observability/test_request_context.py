import logging
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

from shared_code.observability.request_context import RequestContextFilter, current_request, request_scope, span_scope

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_outside_of_a_request_there_are_no_labels():
    assert current_request().request_id is None
    assert current_request().operation_id is None


def test_an_inner_scope_keeps_what_it_does_not_set():
    call = str(uuid.uuid4())
    with request_scope(request_id="r-1") as outer, request_scope(call_id=call) as inner:
        assert inner.request_id == "r-1"
        assert inner.call_id == call
        assert inner.operation_id == outer.operation_id
        assert current_request() == inner
    assert current_request().request_id is None


def test_the_operation_is_the_call_so_that_rows_and_telemetry_share_it():
    call = uuid.uuid4()
    with request_scope(request_id="r-1", call_id=str(call)) as scope:
        assert scope.operation_id == call.hex


def test_the_platforms_trace_wins():
    with request_scope(request_id="r", call_id=str(uuid.uuid4()), trace_parent=TRACE) as scope:
        assert scope.operation_id == "4bf92f3577b34da6a3ce929d0e0e4736"
        assert scope.span_id == "00f067aa0ba902b7"


def test_an_unreadable_trace_is_ignored():
    for header in ("", "nonsense", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", None):
        with request_scope(request_id="r", trace_parent=header) as scope:
            assert len(scope.operation_id) == 32
            assert int(scope.operation_id, 16)


def test_a_span_has_an_operation_even_outside_of_a_request():
    with span_scope("a" * 16) as scope:
        assert scope.span_id == "a" * 16
        assert len(scope.operation_id) == 32


def test_a_pool_thread_keeps_nothing_for_the_next_request():
    def work(number):
        before = current_request().request_id
        with request_scope(request_id=f"r-{number}"):
            return before, current_request().request_id

    with ThreadPoolExecutor(2) as pool:
        seen = list(pool.map(work, range(20)))
    assert [before for before, _ in seen] == [None] * 20
    assert [inside for _, inside in seen] == [f"r-{number}" for number in range(20)]


def test_the_filter_labels_records_and_leaves_labelled_ones_alone():
    record = logging.makeLogRecord({"msg": "m"})
    with request_scope(request_id="r-1", call_id="c-1"):
        assert RequestContextFilter().filter(record)
    with request_scope(request_id="r-2"):
        RequestContextFilter().filter(record)
    assert (record.request_id, record.call_id) == ("r-1", "c-1")


def test_extra_fields_of_other_libraries_may_have_the_same_names():
    """Labels are put on by handlers: on a record that is being made they would clash with ``extra``."""
    logger = logging.getLogger("some.library")
    with request_scope(request_id="r-1"):
        record = logger.makeRecord("n", 20, "f", 1, "m", (), None, extra={"request_id": "theirs"})
        RequestContextFilter().filter(record)
    assert record.request_id == "theirs"


def test_threads_of_ones_own_do_not_inherit_the_scope():
    seen = []
    with request_scope(request_id="r-1"):
        thread = threading.Thread(target=lambda: seen.append(current_request().request_id))
        thread.start()
        thread.join()
    assert seen == [None]
