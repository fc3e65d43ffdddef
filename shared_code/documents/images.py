"""Images as a model reads them: upright, RGB or grey, at most 2048 pixels long, in a format that every provider takes.

Runs inside the sandbox only. The size in the header is checked before anything is decoded. Every image is decoded once,
because a damaged one must not reach a model that bills for it. Orientation is the EXIF tag 0x0112 (CIPA DC-008).
"""

import warnings
from dataclasses import dataclass, replace
from io import BytesIO
from typing import cast

# Each format that is read or written here: Pillow looks for one that is not loaded among forty others.
from PIL import Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401

from shared_code import errors
from shared_code.documents import refusals

MAX_PIXELS = 40_000_000
LONGEST_SIDE = 2048
JPEG_QUALITY = 85

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/tiff": "TIFF"}
_PLAIN_MODES = frozenset({"RGB", "L"})
_SENT_MODES = _PLAIN_MODES | {"P"}
_ORIENTATION = 0x0112
#: EXIF orientation -> ``PIL.Image.Transpose``
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
_COUNTED_FRAMES = 1_000
#: a side that is this many times the other one leaves less than 32 pixels for it: no text can be read there
_MOST_NARROW = 64
#: of 255: an image whose darkest and lightest parts differ less, in each colour, shows nothing
_LEAST_CONTRAST = 8
#: chunks that say something about a PNG, and are no part of the picture (W3C PNG, 11.3)
_PNG_ASIDE = frozenset({b"tEXt", b"zTXt", b"iTXt", b"iCCP"})
_PNG_SIGNATURE = 8


@dataclass(frozen=True, slots=True)
class Picture:
    """One image to send. ``data`` is None when the bytes received are sent as they are.

    :ivar blank: whether it is of one colour.
    :ivar frames: how many pictures its file shows, one after another or as others beside it; this one is the first.
    """

    mime_type: str
    data: bytes | None
    width: int
    height: int
    blank: bool = False
    frames: int = 1


def read_pictures(data: bytes, *, mime_type: str, max_frames: int) -> tuple[Picture, ...]:
    """Decode and prepare an image; one picture for each frame of a TIFF, one for everything else.

    :raises errors.InvalidFile: reason ``image_too_large``, ``too_narrow`` or ``corrupt``.
    :raises errors.TooManyPages: more frames than ``max_frames``.
    """
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            if mime_type == "image/heic":
                return (_open_heic(data),)
            return _read(data, mime_type=mime_type, max_frames=max_frames)
        except (errors.ServiceError, MemoryError):
            raise
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise refusals.invalid_file("image_too_large", limit=MAX_PIXELS) from error
        except Exception as error:  # decoders raise whatever the bytes provoke, from SyntaxError to struct.error
            raise refusals.invalid_file("corrupt") from error


def shrink(data: bytes, *, longest_side: int) -> Picture:
    """A prepared picture once more, at most ``longest_side`` pixels long.

    :raises errors.InvalidFile: reason ``corrupt``.
    """
    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
            return _encoded(flattened(image), longest_side=longest_side)
    except OSError as error:
        raise refusals.invalid_file("corrupt") from error


def turn(data: bytes, degrees: int) -> Picture:
    """A prepared picture turned clockwise by 0, 90, 180 or 270 degrees; by 0 it is not touched.

    :raises errors.InvalidFile: reason ``corrupt``.
    """
    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
            if not degrees:
                return Picture(Image.MIME[image.format or "JPEG"], None, *image.size)
            # Pillow turns the other way round.
            return _encoded(flattened(image).transpose(Image.Transpose[f"ROTATE_{360 - degrees}"]))
    except OSError as error:
        raise refusals.invalid_file("corrupt") from error


def flattened(image: Image.Image) -> Image.Image:
    """A copy in RGB or 8-bit grey, on white where it is transparent."""
    return _flat(_simple(image))


def encode_jpeg(image: Image.Image) -> bytes:
    """JPEG at the quality that models get."""
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _read(data: bytes, *, mime_type: str, max_frames: int) -> tuple[Picture, ...]:
    try:
        return _decoded(data, mime_type=mime_type, max_frames=max_frames)
    except ValueError:
        # Pillow gives up at texts and colour profiles that unpack to more than a megabyte.
        picture_only = _without_asides(data) if mime_type == "image/png" else data
        if picture_only == data:
            raise
        return _decoded(picture_only, mime_type=mime_type, max_frames=max_frames, as_received=False)


def _without_asides(data: bytes) -> bytes:
    """A PNG without its texts and colour profile."""
    kept, at = [data[:_PNG_SIGNATURE]], _PNG_SIGNATURE
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        if data[at + 4 : at + 8] not in _PNG_ASIDE:
            kept.append(data[at:end])
        at = end
    return b"".join(kept)


def _decoded(data: bytes, *, mime_type: str, max_frames: int, as_received: bool = True) -> tuple[Picture, ...]:
    with Image.open(BytesIO(data), formats=(_FORMATS[mime_type],)) as image:
        if mime_type == "image/tiff":
            return _frames(image, max_frames=max_frames)
        _check_size(image.size)
        if as_received and max(image.size) <= LONGEST_SIDE and _is_upright_still(image):
            image.load()
            if _is_plain(image):
                return (Picture(mime_type, None, *image.size, blank=_is_blank(image)),)
        # The second picture of a photo in JPEG is a preview or a depth map, and nothing that a person sees.
        frames = 1 if mime_type == "image/jpeg" else getattr(image, "n_frames", 1)
        return (replace(_prepared(image), frames=frames),)


def _frames(image: Image.Image, *, max_frames: int) -> tuple[Picture, ...]:
    """Every frame of a TIFF; counted and measured before the first one is decoded."""
    count = 0
    while count < _COUNTED_FRAMES:
        try:
            image.seek(count)
        except EOFError:
            break
        _check_size(image.size)
        count += 1
    if count > max_frames:
        raise refusals.too_many_pages(limit=max_frames, actual=count, at_least=count == _COUNTED_FRAMES)
    pictures = []
    for frame in range(count):
        image.seek(frame)
        pictures.append(_prepared(image))
    return tuple(pictures)


def _check_size(size: tuple[int, int]) -> None:
    pixels = size[0] * size[1]
    if pixels > MAX_PIXELS:
        raise refusals.invalid_file("image_too_large", limit=MAX_PIXELS, actual=pixels)
    if pixels <= 0:
        raise refusals.invalid_file("corrupt")
    if max(size) > min(size) * _MOST_NARROW:
        raise refusals.invalid_file("too_narrow", limit=_MOST_NARROW, actual=max(size) // min(size))


def _is_upright_still(image: Image.Image) -> bool:
    return getattr(image, "n_frames", 1) == 1 and image.getexif().get(_ORIENTATION, 1) in {0, 1}


def _is_plain(image: Image.Image) -> bool:
    """Whether a decoded image looks the same to every reader: usual modes, nothing transparent."""
    if image.mode == "RGBA":
        return image.getchannel("A").getextrema() == (255, 255)
    return image.mode in _SENT_MODES and "transparency" not in image.info


def _is_blank(image: Image.Image) -> bool:
    ranges = image.convert("RGB").getextrema()
    return all(high - low < _LEAST_CONTRAST for low, high in cast("tuple[tuple[int, int], ...]", ranges))


def _open_heic(data: bytes) -> Picture:
    """The primary image of a HEIC file; the decoder applies the file's own rotation."""
    import pi_heif

    container = pi_heif.open_heif(BytesIO(data))
    _check_size(container.size)
    picture = _encoded(_flat(_reduced(container.to_pillow())))
    return replace(picture, frames=len(container))


def _prepared(image: Image.Image) -> Picture:
    # A JPEG can be decoded at half or a quarter of its size, when that is still large enough.
    image.draft(None, (LONGEST_SIDE, LONGEST_SIDE))
    turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    # Reduced before anything else: every step on 40 million pixels takes another 160 MB.
    flat = _flat(_reduced(_simple(image)))
    return _encoded(flat if turn is None else flat.transpose(Image.Transpose(turn)))


def _encoded(image: Image.Image, *, longest_side: int = LONGEST_SIDE) -> Picture:
    if max(image.size) > longest_side:
        image.thumbnail((longest_side, longest_side), reducing_gap=2.0)
    return Picture("image/jpeg", encode_jpeg(image), *image.size, blank=_is_blank(image))


def _simple(image: Image.Image) -> Image.Image:
    """Modes that can be averaged: no palettes, no single bits, no 16 bits."""
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith(("I", "F")):
        return image.convert("F")
    if image.mode in _PLAIN_MODES | {"RGBA", "LA", "CMYK"} and "transparency" not in image.info:
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _reduced(image: Image.Image) -> Image.Image:
    factor = max(image.size) // LONGEST_SIDE
    return image.reduce(factor) if factor > 1 else image


def _flat(image: Image.Image) -> Image.Image:
    """RGB or 8-bit grey: transparent parts become white, 16 bits are scaled to 8 by the range that the image uses."""
    if image.mode == "F":
        return _scaled_to_8_bits(image)
    if image.mode in {"RGBA", "LA"}:
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image.convert("RGB"), mask=image.getchannel("A"))
        return ground
    # a copy, because what follows works in place
    return image.copy() if image.mode in _PLAIN_MODES else image.convert("RGB")


def _scaled_to_8_bits(image: Image.Image) -> Image.Image:
    low, high = image.getextrema()
    if not isinstance(low, float) or not isinstance(high, float) or not high > low:
        return image.convert("L")
    scale = 255 / (high - low)
    return image.point(lambda value: value * scale - low * scale).convert("L")
