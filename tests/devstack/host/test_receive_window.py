import threading

from devstack.receive_window import SMALL_BODY_BYTES, ReceiveWindow

BODY = 10 * SMALL_BODY_BYTES


def receive(window: ReceiveWindow, length: int, begun: threading.Event, go: threading.Event) -> threading.Thread:
    def run() -> None:
        with window.receiving(length):
            begun.set()
            go.wait(10)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_bodies_wait_until_they_fit_and_small_ones_never_do():
    window = ReceiveWindow(2 * BODY)
    begun, go = [threading.Event() for _ in range(3)], [threading.Event() for _ in range(3)]
    threads = [receive(window, BODY, begun[at], go[at]) for at in range(2)]
    assert all(one.wait(5) for one in begun[:2])
    threads.append(receive(window, BODY, begun[2], go[2]))
    assert not begun[2].wait(0.1)
    for length in (0, SMALL_BODY_BYTES):
        with window.receiving(length):
            pass
    go[0].set()
    assert begun[2].wait(5)
    for one in go:
        one.set()
    for thread in threads:
        thread.join()


def test_a_body_larger_than_the_window_is_received_alone():
    window = ReceiveWindow(BODY)
    with window.receiving(3 * BODY):
        begun, go = threading.Event(), threading.Event()
        waiting = receive(window, BODY, begun, go)
        assert not begun.wait(0.1)
    assert begun.wait(5)
    go.set()
    waiting.join()
