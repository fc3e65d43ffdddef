import time
import tracemalloc
import zlib

from shared_code import errors
from shared_code.documents import inflation_guard
from tests.unit.documents.files import FOLDER, MEGABYTE, invoice, page_pdf, spaces, stream


def is_bomb(data: bytes) -> bool:
    try:
        inflation_guard.check_inflation(data)
    except errors.InvalidFile as error:
        return error.details["reason"] == "bomb"
    return False


def test_no_document_of_the_set_is_a_bomb_but_the_bomb():
    assert [path.name for path in FOLDER.glob("*.pdf") if is_bomb(path.read_bytes())] == ["nasty-flate-bomb-300MB.pdf"]


def test_one_stream_may_have_64_megabytes():
    assert not is_bomb(page_pdf(stream(spaces(64 * MEGABYTE), b"/Filter/FlateDecode")))
    assert is_bomb(page_pdf(stream(spaces(65 * MEGABYTE), b"/Filter/FlateDecode")))


def test_all_streams_may_have_256_megabytes():
    packed = stream(spaces(60 * MEGABYTE), b"/Filter/FlateDecode")
    assert not is_bomb(page_pdf(b"", extra=dict.fromkeys(range(6, 10), packed)))
    assert is_bomb(page_pdf(b"", extra=dict.fromkeys(range(6, 11), packed)))


def test_compression_within_compression_is_measured_whatever_the_filters_say():
    nested = zlib.compress(spaces(300 * MEGABYTE), 9)
    assert len(nested) < 60_000
    assert is_bomb(page_pdf(stream(nested, b"/Filter[/FlateDecode/FlateDecode]")))
    assert is_bomb(page_pdf(stream(zlib.compress(zlib.compress(nested)), b"/Filter/FlateDecode")))


def test_endless_nesting_is_a_bomb():
    data = b"x"
    for _ in range(12):
        data = zlib.compress(data)
    assert is_bomb(page_pdf(stream(data)))


def test_a_large_scan_may_be_as_large_as_it_says():
    """A page at 600 dots per inch in colour has 100 MB; the same bytes without an image's size are a bomb."""
    entries = b"/Subtype/Image/Width 4960/Height 7016/ColorSpace/DeviceRGB/BitsPerComponent 8"
    packed = spaces(104 * MEGABYTE)
    assert not is_bomb(page_pdf(b"", extra={6: stream(packed, entries + b"/Filter/FlateDecode")}))
    assert is_bomb(page_pdf(b"", extra={6: stream(packed, b"/Filter/FlateDecode")}))


def test_overlapping_streams_do_not_cost_more_than_the_file_is_worth():
    empty_blocks = b"\x00\x00\x00\xff\xff" * 2000
    data = b"%PDF-1.4\n" + b"stream\nx\x9c" * 50_000 + empty_blocks
    assert is_bomb(data)


def test_broken_streams_are_left_to_the_parser():
    assert not is_bomb(invoice("nasty-truncated-60.pdf"))
    assert not is_bomb(b"%PDF-1.4\nstream\nx\x9cnot deflated at all")


def test_measuring_takes_little_memory():
    data = invoice("nasty-flate-bomb-300MB.pdf")
    tracemalloc.start()
    assert is_bomb(data)
    assert tracemalloc.get_traced_memory()[1] < 5 * MEGABYTE
    tracemalloc.stop()


PICTURE = b"/Subtype/Image/Width 5950/Height 8420/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/FlateDecode"


def test_pictures_that_are_too_large_to_be_opened_are_no_bomb_by_themselves():
    """Pages of 720 dots per inch in colour have 150 MB each."""
    packed = stream(spaces(150 * MEGABYTE), PICTURE)
    assert not inflation_guard.check_inflation(page_pdf(b"", extra={6: packed}))
    assert inflation_guard.check_inflation(page_pdf(b"", extra={6: packed, 7: packed}))
    assert is_bomb(
        page_pdf(b"", extra={6: packed, 7: packed, 8: stream(spaces(65 * MEGABYTE), b"/Filter/FlateDecode")})
    )


def test_pictures_behind_the_limit_are_not_unpacked_at_all():
    start = time.process_time()
    inflation_guard.check_inflation(
        page_pdf(b"", extra=dict.fromkeys(range(6, 46), stream(spaces(150 * MEGABYTE), PICTURE)))
    )
    assert time.process_time() - start < 3
