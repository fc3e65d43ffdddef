import threading
import time

from shared_code.observability.background_writer import BackgroundWriter, NotDelivered, WriterLimits

FAST = WriterLimits(items=50, characters=1000, batch=10, interval_seconds=0.01, first_pause_seconds=0.001)


class Sink:
    """Takes deliveries; ``away`` makes it refuse, ``hold`` makes it hang."""

    def __init__(self):
        self.got, self.reports, self.away, self.tries = [], [], False, 0
        self.hold = threading.Event()
        self.hold.set()

    def deliver(self, items):
        self.hold.wait(10)
        self.tries += 1
        if self.away:
            raise NotDelivered
        self.got.extend(items)
        return 0

    def writer(self, limits=FAST, **options):
        return BackgroundWriter(self.deliver, name="test", limits=limits, report_dropped=self.reports.append, **options)


def test_items_arrive_in_order_and_in_batches():
    sink = Sink()
    writer = sink.writer()
    assert all(writer.offer(number) for number in range(45))
    assert writer.flush()
    assert sink.got == list(range(45))
    assert sink.tries >= 5
    assert writer.close()


def test_flush_of_nothing_is_done_at_once_without_a_thread():
    writer = Sink().writer()
    assert writer.flush()
    assert writer._thread is None


def test_offer_does_not_wait_for_a_delivery_that_hangs():
    sink = Sink()
    sink.hold.clear()
    writer = sink.writer()
    started = time.perf_counter()
    accepted = [writer.offer(number) for number in range(500)]
    assert time.perf_counter() - started < 2, "a delivery is held for 10 s"
    assert not all(accepted)
    assert not writer.flush(0.05)
    sink.hold.set()
    assert writer.flush()
    assert len(sink.got) + sum(sink.reports) == 500
    assert len(sink.reports) == 1, "the loss is reported once"
    writer.close()


def test_the_queue_is_bounded_by_size_as_well():
    sink = Sink()
    sink.hold.clear()
    writer = sink.writer(WriterLimits(characters=1000, batch=1), size=len)
    assert sum(writer.offer("x" * 400) for _ in range(20)) <= 3
    sink.hold.set()
    writer.close()


def test_a_sink_that_is_away_gets_everything_when_it_is_back():
    sink = Sink()
    sink.away = True
    writer = sink.writer()
    for number in range(30):
        writer.offer(number)
    assert not writer.flush(1), "a failed delivery ends the wait"
    sink.away = False
    assert writer.flush()
    assert sink.got == list(range(30))
    assert sink.reports == []
    writer.close()


def test_a_fault_in_deliver_costs_its_batch_and_not_the_thread():
    got, reports = [], []

    def deliver(items):
        if 0 in items:
            raise RuntimeError("a bug")
        got.extend(items)
        return 0

    writer = BackgroundWriter(deliver, name="test", limits=FAST, report_dropped=reports.append)
    writer.offer(0)
    assert writer.flush()
    writer.offer(1)
    assert writer.flush()
    assert got == [1]
    assert reports == [1]
    writer.close()


def test_where_everything_is_refused_the_loss_is_reported_now_and_then():
    reports, limits = [], WriterLimits(interval_seconds=0.001, report_seconds=0.3)
    writer = BackgroundWriter(len, name="test", limits=limits, report_dropped=reports.append)
    began = time.monotonic()
    sent = 0
    while len(reports) < 2 and time.monotonic() - began < 20:
        writer.offer(sent)
        sent += 1
        writer.flush(5)
    assert len(reports) == 2
    assert reports[0] == 1
    assert time.monotonic() - began >= 0.3
    assert sum(reports) + writer.dropped == sent
    writer.close()


def test_a_closed_writer_takes_nothing_and_its_thread_has_ended():
    sink = Sink()
    writer = sink.writer()
    writer.offer(1)
    assert writer.close()
    assert not writer._thread.is_alive()
    assert not writer.offer(2)
    assert sink.got == [1]


def test_closing_while_the_sink_is_away_takes_no_longer_than_asked():
    sink = Sink()
    sink.away = True
    writer = sink.writer()
    writer.offer(1)
    started = time.perf_counter()
    assert not writer.close(5)
    assert time.perf_counter() - started < 4


def test_many_threads_lose_and_double_nothing():
    sink = Sink()
    writer = sink.writer(WriterLimits(items=100_000, interval_seconds=0.001))
    threads = [
        threading.Thread(target=lambda base=base: [writer.offer(base + n) for n in range(500)])
        for base in range(0, 4000, 500)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.flush(5)
    assert sorted(sink.got) == list(range(4000))
    writer.close()


def test_offers_from_the_delivering_thread_do_not_hang():
    """A report or a log line that comes up inside ``deliver`` is queued for the next batch."""
    got = []

    def deliver(items):
        got.extend(items)
        if 1 in items:
            assert writer.in_own_thread()
            assert not writer.flush()
            writer.offer(2)
        return 0

    writer = BackgroundWriter(deliver, name="test", limits=FAST)
    writer.offer(1)
    assert writer.flush()
    assert writer.flush()
    assert got == [1, 2]
    writer.close()
