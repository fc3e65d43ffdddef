"""The functions of PDFium that are called for each object and character of a page, without ctypes' work around a call.

Runs inside the sandbox only. A page has hundreds of objects and thousands of characters, and the conversion of handles
takes several times as long as such a call. A handle is a plain address here, and None or 0 is no handle. What the
library writes through pointers goes into buffers that all calls share: one thread reads pages.

The interpreter stays locked during a call, so that nothing is among these that can take long.
"""

import ctypes
from collections.abc import Sequence
from typing import Any

import pypdfium2.raw as pdfium

_HANDLE, _INT, _INDEX, _ADDRESS = ctypes.c_void_p, ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p
#: 16-bit units of a text object's text that fit in without a second call
_USUAL_LENGTH = 256


def _direct(function: Any, result: Any, *arguments: Any) -> Any:
    address: Any = ctypes.cast(function, ctypes.c_void_p).value
    return ctypes.PYFUNCTYPE(result, *arguments)(address)


#: objects of a page, or of a form on it: how many, and one of them by its number
count_objects = _direct(pdfium.FPDFPage_CountObjects, _INT, _HANDLE)
object_at = _direct(pdfium.FPDFPage_GetObject, _HANDLE, _HANDLE, _INT)
count_form_objects = _direct(pdfium.FPDFFormObj_CountObjects, _INT, _HANDLE)
form_object_at = _direct(pdfium.FPDFFormObj_GetObject, _HANDLE, _HANDLE, _INDEX)
#: an object: its kind, whether it is drawn; of a text its mode of rendering and its font
kind_of = _direct(pdfium.FPDFPageObj_GetType, _INT, _HANDLE)
set_active = _direct(pdfium.FPDFPageObj_SetIsActive, _INT, _HANDLE, _INT)
render_mode_of = _direct(pdfium.FPDFTextObj_GetTextRenderMode, _INT, _HANDLE)
font_of = _direct(pdfium.FPDFTextObj_GetFont, _HANDLE, _HANDLE)
#: marks of an object (ISO 32000-1, 14.6): how many, one by its number, and what they say
count_marks = _direct(pdfium.FPDFPageObj_CountMarks, _INT, _HANDLE)
mark_at = _direct(pdfium.FPDFPageObj_GetMark, _HANDLE, _HANDLE, _INDEX)
count_parameters = _direct(pdfium.FPDFPageObjMark_CountParams, _INT, _HANDLE)
remove_parameter = _direct(pdfium.FPDFPageObjMark_RemoveParam, _INT, _HANDLE, _HANDLE, ctypes.c_char_p)
#: the text of a page: how many characters, the code of one, and the text object that it is of
count_characters = _direct(pdfium.FPDFText_CountChars, _INT, _HANDLE)
code_at = _direct(pdfium.FPDFText_GetUnicode, ctypes.c_uint, _HANDLE, _INT)
text_object_at = _direct(pdfium.FPDFText_GetTextObject, _HANDLE, _HANDLE, _INT)
#: text page, number of the character, address of four floats: left, top, right, bottom of its place in the line
line_box_at = _direct(pdfium.FPDFText_GetLooseCharBox, _INT, _HANDLE, _INT, _ADDRESS)

_bounds = _direct(pdfium.FPDFPageObj_GetBounds, _INT, _HANDLE, *(_ADDRESS,) * 4)
_matrix = _direct(pdfium.FPDFPageObj_GetMatrix, _INT, _HANDLE, _ADDRESS)
_font_size = _direct(pdfium.FPDFTextObj_GetFontSize, _INT, _HANDLE, _ADDRESS)
_fill = _direct(pdfium.FPDFPageObj_GetFillColor, _INT, _HANDLE, *(_ADDRESS,) * 4)
_text = _direct(pdfium.FPDFTextObj_GetText, _INDEX, _HANDLE, _HANDLE, _ADDRESS, _INDEX)
_mark_name = _direct(pdfium.FPDFPageObjMark_GetName, _INT, _HANDLE, _ADDRESS, _INDEX, _ADDRESS)
_box = _direct(pdfium.FPDFText_GetCharBox, _INT, _HANDLE, _INT, *(_ADDRESS,) * 4)
_character_at = _direct(
    pdfium.FPDFText_GetCharIndexAtPos, _INT, _HANDLE, ctypes.c_double, ctypes.c_double, ctypes.c_double, ctypes.c_double
)


def _places(buffer: Any) -> tuple[int, ...]:
    """The address of each number in a buffer."""
    return tuple(ctypes.addressof(buffer) + at * ctypes.sizeof(buffer._type_) for at in range(len(buffer)))


_floats, _doubles, _unsigned = (ctypes.c_float * 6)(), (ctypes.c_double * 4)(), (ctypes.c_uint * 4)()
_float_at, _double_at, _unsigned_at = _places(_floats), _places(_doubles), _places(_unsigned)
_units, _size = (ctypes.c_ushort * _USUAL_LENGTH)(), (ctypes.c_ulong * 1)()
_units_at, _size_at = ctypes.addressof(_units), ctypes.addressof(_size)


def address_of(handle: Any) -> int:
    """The address behind a handle that pypdfium2 gave, 0 for none."""
    return ctypes.addressof(handle.contents) if handle else 0


def bounds_of(item: int) -> list[float] | None:
    """Left, bottom, right and top of an object where it lies; None when the library does not know."""
    return _floats[:4] if _bounds(item, *_float_at[:4]) else None


def all_bounds_of(items: Sequence[int]) -> list[tuple[float, float, float, float] | None]:
    """The bounds of many objects: a third of the time that it takes one by one."""
    numbers = (ctypes.c_float * (4 * len(items)))()
    at, end = ctypes.addressof(numbers), ctypes.addressof(numbers) + ctypes.sizeof(numbers)
    known = list(map(_bounds, items, *(range(at + 4 * each, end, 16) for each in range(4))))
    each = iter(numbers[:])
    return [
        bounds if one else None for one, bounds in zip(known, zip(each, each, each, each, strict=True), strict=True)
    ]


def matrix_of(item: int) -> list[float] | None:
    """The six numbers of an object's matrix."""
    return _floats[:6] if _matrix(item, _float_at[0]) else None


def font_size_of(text: int) -> float:
    """The size of a text's font before any matrix, 0 when unknown."""
    return _floats[0] if _font_size(text, _float_at[0]) else 0.0


def fill_of(item: int) -> tuple[int, int, int, int] | None:
    """Red, green, blue and opacity, 0 to 255; None for patterns."""
    if not _fill(item, *_unsigned_at):
        return None
    red, green, blue, opacity = _unsigned[:]
    return red, green, blue, opacity


def length_of(text: int, textpage: int) -> int:
    """How many characters a text object has at most, those that the library puts between them included."""
    units: int = _text(text, textpage, None, 0)
    return units // 2 - 1


def text_of(text: int, textpage: int) -> str:
    """The characters of a text object, with the line breaks and blanks that the library puts between them."""
    size = _text(text, textpage, _units_at, 2 * _USUAL_LENGTH)
    if size <= 2 * _USUAL_LENGTH:
        return _decoded(ctypes.string_at(_units_at, size))
    longer = (ctypes.c_ushort * (size // 2))()
    _text(text, textpage, ctypes.addressof(longer), size)
    return _decoded(bytes(longer))


def mark_name_of(mark: int) -> str:
    """The name of a mark, '' for one without or with a long one."""
    _size[0] = 0
    _mark_name(mark, _units_at, 2 * _USUAL_LENGTH, _size_at)
    return _decoded(ctypes.string_at(_units_at, _size[0])) if _size[0] <= 2 * _USUAL_LENGTH else ""


def box_at(textpage: int, index: int) -> list[float] | None:
    """Left, right, bottom and top of what a character draws."""
    return _doubles[:] if _box(textpage, index, *_double_at) else None


def character_at(textpage: int, point: tuple[float, float]) -> int:
    """The number of the character at a point of the page, negative for none."""
    found: int = _character_at(textpage, *point, 0.0, 0.0)
    return found


def _decoded(units: bytes) -> str:
    return units.decode("utf-16-le", "ignore").rstrip("\0")
