import io
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pypdfium2
import pytest
from PIL import Image

from shared_code.documents.ocr import engine, pages
from shared_code.documents.ocr.layout import page_of
from shared_code.documents.ocr.reader import MEMORY_MB, NoReading, ReadLine, ReadPicture, SecondReader
from shared_code.documents.sandbox.watch import Limits
from shared_code.invoices.page import PAGE_SIDE, Source
from tests.integration.extraction.conftest import SAMPLES

pytestmark = pytest.mark.skipif(not engine.is_installed(), reason="requirements-ocr.txt is not installed")

_WAIT = 60.0


def picture(*, turned: int = 0, page: int = 0) -> bytes:
    """The sample invoice as a picture, turned counter-clockwise."""
    document = pypdfium2.PdfDocument((SAMPLES / "gst-invoice.pdf").read_bytes())
    image = document[page].render(scale=150 / 72).to_pil().convert("RGB")
    document.close()
    return encoded(image.rotate(turned, expand=True))


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


SMALL = encoded(Image.new("RGB", (64, 64), "white"))


@pytest.fixture(scope="module")
def shared():
    reader = SecondReader()
    yield reader
    reader.close()


@pytest.fixture
def own():
    opened: list[SecondReader] = []

    def make(**options) -> SecondReader:
        opened.append(SecondReader(**options))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def look(reader: SecondReader, data: bytes = SMALL, *, wait_seconds: float = _WAIT, company: str = "A") -> int:
    return reader.look(data, company=company, wait_seconds=wait_seconds)


def wait_until(condition, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


def test_it_reads_the_figures_of_a_picture_with_their_places(shared):
    read = shared.read(picture(), company="A", wait_seconds=_WAIT)
    page = page_of(read)
    for printed in ("SPL/25-26/0417", "1,48,375.00", "13,353.75", "1,75,083.00"):
        assert printed in page.text
    assert page.source is Source.OCR
    assert page.is_complete
    placed = page.placed[0]
    assert placed.text == page.text
    numbers = list(placed.pieces)
    assert len(numbers) % 6 == 0
    for at in range(0, len(numbers), 6):
        start, end, x0, y0, x1, y1 = numbers[at : at + 6]
        assert placed.text[start:end].strip()
        assert 0 <= x0 < x1 <= PAGE_SIDE
        assert 0 <= y0 < y1 <= PAGE_SIDE


@pytest.mark.parametrize(
    "turned", [0, pytest.param(90, marks=pytest.mark.long), 180, pytest.param(270, marks=pytest.mark.long)]
)
def test_it_tells_which_way_up_a_page_is(shared, turned):
    assert shared.look(picture(turned=turned), company="A", wait_seconds=_WAIT) == turned


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_places_are_those_on_the_page_as_it_was_received(turned):
    line = ReadLine("TOTAL 5.00", 0.99, ((0.1, 0.2), (0.3, 0.2), (0.3, 0.25), (0.1, 0.25)))
    read = ReadPicture((line,), 1000, 1000, 0.0)
    upright, back = page_of(read), page_of(read, turned=turned)
    x0, y0, x1, y1 = upright.placed[0].pieces[2:6]
    # Turned clockwise by so much, the page as received is upright.
    expected = {
        90: (y0, PAGE_SIDE - x1, y1, PAGE_SIDE - x0),
        180: (PAGE_SIDE - x1, PAGE_SIDE - y1, PAGE_SIDE - x0, PAGE_SIDE - y0),
        270: (PAGE_SIDE - y1, x0, PAGE_SIDE - y0, x1),
    }[turned]
    assert back.placed[0].pieces[2:6] == pytest.approx(expected, abs=2)


def test_its_memory_stays_below_the_limit(shared):
    look(shared, picture())
    assert psutil.Process(shared.pid).memory_info().rss / 2**20 < MEMORY_MB * 0.7


def test_nothing_starts_before_it_is_needed_and_one_process_serves_all(own):
    reader = own()
    assert (reader.pid, reader.starts) == (None, 0)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda at: look(reader, company=f"C{at}"), range(8))) == [0] * 8
    assert reader.starts == 1


@pytest.mark.long
def test_it_ends_when_nothing_is_asked_of_it(own):
    reader = own(idle_seconds=0.3)
    look(reader)
    pid = reader.pid
    wait_until(lambda: reader.pid is None)
    wait_until(lambda: not psutil.pid_exists(pid))
    assert look(reader) == 0
    assert reader.starts == 2


def test_a_killed_reader_costs_one_reading_and_is_replaced(own):
    reader = own()
    look(reader)
    pid = reader.pid
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(reader._ask, "sleep", [], company="A", wait_seconds=1, seconds=30)
        wait_until(lambda: reader.pid is None)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(NoReading) as caught:
            job.result(timeout=10)
    assert caught.value.reason == "gone"
    assert look(reader) == 0
    assert reader.pid != pid


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs a system that stops processes")
@pytest.mark.long
def test_a_stopped_reader_is_ended(own):
    reader = own(limits=Limits(stalled=8.0, slow=float("inf")))
    look(reader)
    pid = reader.pid
    os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(NoReading):
        look(reader)
    assert time.monotonic() - started < 25
    assert not psutil.pid_exists(pid)
    assert look(reader) == 0


@pytest.mark.long
def test_a_reader_that_takes_too_much_memory_is_ended(own):
    reader = own(limits=Limits(stalled=20.0, slow=float("inf"), resident_mb=MEMORY_MB))
    look(reader)
    pid, started = reader.pid, time.monotonic()
    with pytest.raises(NoReading):
        reader._ask("hoard", [], company="A", wait_seconds=1, megabytes=MEMORY_MB, seconds=20)
    assert time.monotonic() - started < 10
    assert not psutil.pid_exists(pid)
    # Address space alone is no memory.
    assert reader._ask("hoard", [], company="A", wait_seconds=1, megabytes=100, seconds=0.3)["held"] == 100


@pytest.mark.long
def test_a_page_that_takes_too_long_is_given_up(own):
    reader = own(limits=Limits(cpu=0.5, slow=float("inf")))
    look(reader)
    with pytest.raises(NoReading):
        reader._ask("burn", [], company="A", wait_seconds=1, cpu_seconds=30)
    assert look(reader) == 0


def test_what_is_no_picture_is_refused_and_the_process_stays(own):
    reader = own()
    with pytest.raises(NoReading) as caught:
        look(reader, b"no picture")
    assert caught.value.reason == "refused"
    look(reader)
    assert reader.starts == 1


def test_the_line_is_bounded_and_those_who_wait_too_long_are_told(own):
    reader = own(line=3)
    look(reader)
    with ThreadPoolExecutor(3) as pool:
        held = pool.submit(reader._ask, "sleep", [], company="A", wait_seconds=1, seconds=2)
        waiting = pool.submit(look, reader, wait_seconds=0.2, company="B")
        patient = pool.submit(look, reader, wait_seconds=30, company="C")
        wait_until(lambda: reader._waiting == 3)
        with pytest.raises(NoReading) as full:
            look(reader, company="D")
        assert full.value.reason == "busy"
        with pytest.raises(NoReading) as late:
            waiting.result()
        assert late.value.reason == "busy"
        assert patient.result() == 0
        held.result()


# --- whole documents


def scan(*images: Image.Image) -> bytes:
    """A PDF of pictures."""
    buffer = io.BytesIO()
    images[0].save(buffer, "PDF", save_all=True, append_images=list(images[1:]), resolution=100)
    return buffer.getvalue()


def image_of(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_pages_of_a_scan_are_read_first_last_and_then_from_behind(open_file, sandbox):
    from shared_code.documents.document import page_texts

    document = open_file(scan(*[image_of(picture())] * 5))
    texts = page_texts(document, sandbox=sandbox)
    assert pages.pages_without_text(document, texts, at_most=6) == (0, 4, 3, 2, 1)
    assert pages.pages_without_text(document, texts, at_most=2) == (0, 4)


@pytest.mark.parametrize("name", ["gst-invoice.pdf", "export-invoice-usd.pdf", "ghana-vat-invoice.pdf"])
def test_a_pdf_with_text_is_not_read(open_file, sandbox, name):
    from shared_code.documents.document import page_texts

    document = open_file((SAMPLES / name).read_bytes())
    assert pages.pages_without_text(document, page_texts(document, sandbox=sandbox), at_most=6) == ()


def test_pages_that_lie_on_their_side_are_turned_and_others_left(open_file, sandbox, shared):
    document = open_file(scan(image_of(picture()), image_of(picture(turned=90))))
    pictures = pages.pictures_of(document, (0, 1), sandbox=sandbox)
    turns = [shared.look(one.data, company="A", wait_seconds=_WAIT) for one in pictures]
    assert turns == [0, 90]
    upright = pages.turned_upright(document, turns, sandbox=sandbox)
    again = pages.pictures_of(upright, (0, 1), sandbox=sandbox)
    assert [shared.look(one.data, company="A", wait_seconds=_WAIT) for one in again] == [0, 0]
    assert pages.turned_upright(document, [0, 0], sandbox=sandbox) is document


def test_a_photo_on_its_head_is_turned(open_file, sandbox, shared):
    document = open_file(picture(turned=180))
    turn = shared.look(document.media[0].data, company="A", wait_seconds=_WAIT)
    upright = pages.turned_upright(document, [turn], sandbox=sandbox)
    assert upright.image_sizes == document.image_sizes
    assert shared.look(upright.media[0].data, company="A", wait_seconds=_WAIT) == 0
