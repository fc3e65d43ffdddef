"""Finds values in the text of one page, with their places. Each index is made on first use.

Texts are compared by their letters and digits, amounts as numbers, dates as dates, as in :mod:`..text_layer`, which
only says whether a value is there.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import accumulate

from shared_code.invoices import picture_text
from shared_code.invoices.currency_marks import codes_of_mark
from shared_code.invoices.evidence.record import Found, Place, around
from shared_code.invoices.page import PIECE_NUMBERS, PlacedText, Source
from shared_code.invoices.printed_dates import PlacedDate, date_places
from shared_code.invoices.printed_numbers import amount_places, ascii_digits, both_readings
from shared_code.invoices.text_layer import compact_code, in_reading_order, is_right_to_left, latin, parts_of

#: without the raised letters of "number", which touch what they number
_WORD = re.compile(r"[^\W_\u00ba\u00aa]+")
#: what may be a mark of a currency: letters with or without a sign, or a sign
_MARK = re.compile(r"[^\W\d_]{1,10}[$¢£¥₵]?|[^\w\s.,;:()\[\]'\"+*=#@!?%&|<>~^/-]")
_DIGIT = re.compile("[0-9]")
_SEPARATORS = str.maketrans("", "", ".,' ")
#: fewer characters must stand in as many words as the value has: else "1 8" would be 18
_LEAST_ACROSS_WORDS = 6
#: places of one value that are looked at
_MOST = 60
_MOST_TRIES = 5_000
_SHOWN = 300
#: a piece so much higher than it is wide runs up or down the page
_UPRIGHT = 1.5


class PageIndex:
    """One text of one page."""

    def __init__(self, page: int, placed: PlacedText) -> None:
        """Look into a text of the page with this number, which counts from 1."""
        self.page = page
        self._placed = placed
        # Lines that run from right to left are there a second time, turned round.
        self._text = in_reading_order(placed.text)
        self._known: dict[tuple[int, int], Found] = {}
        self._dates: dict[tuple[int, bool], list[PlacedDate]] = {}
        self._starts: Sequence[int] = placed.pieces[0::PIECE_NUMBERS]

    def texts(self, value: str) -> list[Found]:
        """Places of a name, a code or any other text, whatever stands between its letters and digits."""
        wanted = _compact_text(value)
        if wanted in self._short_words and len(_WORD.findall(value)) == 1:
            return [self._found(start, end) for start, end in self._short_words[wanted][:_MOST]]
        compact, begins, words = self._compact
        found: list[Found] = []
        at, tries = compact.find(wanted) if wanted else -1, 0
        # Within one endless word a short value would be found at every character.
        while at >= 0 and len(found) < _MOST and tries < _MOST_TRIES:
            end, tries = at + len(wanted), tries + 1
            first, last = bisect_left(begins, at), bisect_left(begins, end)
            if begins[first : first + 1] == [at] and (end == len(compact) or begins[last : last + 1] == [end]):
                in_words = last - first
                if len(wanted) >= _LEAST_ACROSS_WORDS or in_words == 1 or in_words == len(_WORD.findall(value)):
                    found.append(self._found(words[first][0], words[last - 1][1]))
            at = compact.find(wanted, at + 1)
        if not found and self._placed.source is Source.OCR:
            found = [self._found(*span) for span in picture_text.code_places(value, self._text)[:_MOST]]
        return found or self._out_of_order(value)

    def _out_of_order(self, value: str) -> list[Found]:
        """Lines from right to left that have all parts of a code, which then stand in another order."""
        if not self._parts_of_turned_lines:
            return []
        parts = tuple(sorted(parts_of(value)))
        return [self._found(*span) for span in self._parts_of_turned_lines.get(parts, ()) if len(parts) > 1]

    @cached_property
    def _parts_of_turned_lines(self) -> Mapping[tuple[str, ...], Sequence[tuple[int, int]]]:
        """What is not written from right to left in lines that are: its parts in order, and its place."""
        found: dict[tuple[str, ...], list[tuple[int, int]]] = {}
        for at, line in self._lines if is_right_to_left(self._text) else ():
            words = [match.span() for match in _WORD.finditer(latin(line))] if is_right_to_left(line) else []
            if words:
                span = (at + words[0][0], at + words[-1][1])
                found.setdefault(tuple(sorted(parts_of(latin(line)))), []).append(span)
        return found

    def amounts(self, value: Decimal) -> list[Found]:
        """Places of a number of this size, in any notation and with any sign."""
        spans = self._amounts.get(abs(value), set())
        if not spans and self._placed.source is Source.OCR:
            spans = set(picture_text.amount_places_like(abs(value), self._text)[:_MOST])
        return [self._found(start, end) for start, end in sorted(spans)]

    def days(self, value: date, *, all_languages: bool = False) -> list[Found]:
        """Places of a date that can mean this day.

        :param all_languages: also in months of rare languages and years of other calendars; slower.
        """
        # A date with the usual year has its last two digits, and its day.
        parts = ("",) if all_languages else (f"{value.year % 100:02}", str(value.day))
        lines = [number for number, (_, line) in enumerate(self._lines) if all(part in line for part in parts)]
        dates = [one for number in lines for one in self._dates_in(number, all_languages=all_languages)]
        return [self._found(one.start, one.end) for one in dates if value in one.reading.candidates][:_MOST]

    def gave(self, place: Found) -> bool:
        """Whether a place is one in this text."""
        return self._known.get((place.start, place.end)) is place

    def marks(self, code: str) -> list[Found]:
        """Places of signs and abbreviations that can stand for a currency."""
        marks = set(_MARK.findall(self._text))
        wanted = {mark for mark in marks if code in codes_of_mark(unicodedata.normalize("NFKC", mark))}
        spans: list[tuple[int, int]] = []
        at = 0
        for line in self._text.split("\n"):
            if any(mark in line for mark in wanted):
                found = ((match.span(), match[0]) for match in _MARK.finditer(line))
                spans += [(at + start, at + end) for (start, end), mark in found if mark in wanted]
            at += len(line) + 1
        return [self._found(start, end) for start, end in spans[:_MOST]]

    def at(self, start: int, text: str) -> Found:
        """A text that is known to begin at a place."""
        return self._found(start, start + len(text))

    @cached_property
    def _compact(self) -> tuple[str, list[int], list[tuple[int, int]]]:
        """All letters and digits, where each word begins among them, and its place in the text."""
        words = [match.span() for match in _WORD.finditer(self._text)]
        if self._text.isascii():
            parts = _WORD.findall(self._text.lower())
        else:
            parts = [_compact_word(word) for word in _WORD.findall(self._text)]
            if not all(parts):
                both = [(span, part) for span, part in zip(words, parts, strict=True) if part]
                words, parts = [span for span, _ in both], [part for _, part in both]
        begins = list(accumulate(map(len, parts), initial=0))[:-1]
        return "".join(parts), begins, words

    @cached_property
    def _short_words(self) -> Mapping[str, Sequence[tuple[int, int]]]:
        """The places of each word that is too short to be found across others."""
        compact, begins, words = self._compact
        found: dict[str, list[tuple[int, int]]] = {}
        for begin, end, place in zip(begins, [*begins, len(compact)][1:], words, strict=True):
            if end - begin < _LEAST_ACROSS_WORDS:
                found.setdefault(compact[begin:end], []).append(place)
        return found

    @cached_property
    def _amounts(self) -> Mapping[Decimal, set[tuple[int, int]]]:
        """Where each amount stands. Of numbers with the same digits, but for zeros at the ends, the first are taken."""
        found: dict[Decimal, set[tuple[int, int]]] = {}
        numbers: dict[str, tuple[str, list[set[tuple[int, int]]]]] = {}
        with_digits: dict[str, int] = {}
        for start, end, number in amount_places(self._text):
            if number not in numbers:
                amounts = [amount for amount in both_readings(number) if amount is not None]
                digits = number.translate(_SEPARATORS).strip("0")
                numbers[number] = digits, [found.setdefault(amount, set()) for amount in amounts]
            digits, places = numbers[number]
            with_digits[digits] = count = with_digits.get(digits, 0) + 1
            if count <= _MOST:
                for spans in places:
                    spans.add((start, end))
        return found

    @cached_property
    def _lines(self) -> list[tuple[int, str]]:
        """Where each line begins that may hold a date, and the line with the digits of ASCII."""
        lines: list[tuple[int, str]] = []
        at = 0
        for line in self._text.split("\n"):
            plain = ascii_digits(line)
            # The shortest date has a day and two digits of a year.
            if len(_DIGIT.findall(plain)) > 2:  # noqa: PLR2004
                lines.append((at, plain))
            at += len(line) + 1
        return lines

    def _dates_in(self, line: int, *, all_languages: bool) -> list[PlacedDate]:
        key = (line, all_languages)
        if key not in self._dates:
            at, text = self._lines[line]
            found = date_places(text, all_languages=all_languages)
            self._dates[key] = [one._replace(start=at + one.start, end=at + one.end) for one in found]
        return self._dates[key]

    def _found(self, start: int, end: int) -> Found:
        known = self._known.get((start, end))
        if known is None:
            shown = self._text[start:end]
            boxes: tuple[Place, ...]
            hull = self._own_box(start, end)
            if hull is not None:
                boxes = (hull,)
            elif "\n" not in shown and start <= len(self._placed.text):
                hull = around(self._parts(start, end))
                boxes = () if hull is None else (hull,)
            else:
                boxes = tuple(self._boxes(*self._as_printed(start, end)))
                hull = around(boxes)
            shown = " ".join(shown.split())[:_SHOWN]
            known = Found(self.page, start, end, shown, self._source_of(boxes), boxes, hull)
            self._known[start, end] = known
        return known

    def _own_box(self, start: int, end: int) -> Place | None:
        """The box of a piece that begins and ends here, as most cells of tables do; None when none does."""
        number = self._numbers_of_pieces.get(start)
        if number is None or (number + 1 < len(self._starts) and self._starts[number + 1] < end):
            return None
        at = number * PIECE_NUMBERS
        _, last, left, top, right, bottom = self._placed.pieces[at : at + PIECE_NUMBERS]
        return (left, top, right, bottom) if last == end else None

    @cached_property
    def _numbers_of_pieces(self) -> Mapping[int, int]:
        """The number of each piece by its first character."""
        return {start: number for number, start in enumerate(self._starts)}

    def _as_printed(self, start: int, end: int) -> tuple[int, int]:
        """The place in the text as it was given of one in a line that was turned round."""
        printed = self._placed.text
        if start <= len(printed):
            return start, end
        before = len(printed) + 1
        for line_start, line in self._turned_lines:
            if start < before + len(line):
                return line_start + len(line) - (end - before), line_start + len(line) - (start - before)
            before += len(line) + 1
        return 0, 0

    @cached_property
    def _turned_lines(self) -> list[tuple[int, str]]:
        """Where the lines begin that are there a second time, in their order."""
        turned = self._text[len(self._placed.text) + 1 :].split("\n")
        lines: list[tuple[int, str]] = []
        at = 0
        for line in self._placed.text.split("\n"):
            if len(lines) < len(turned) and line[::-1] == turned[len(lines)]:
                lines.append((at, line))
            at += len(line) + 1
        return lines

    def _boxes(self, start: int, end: int) -> list[Place]:
        """A box for each line from one character up to another."""
        text, boxes = self._placed.text, []
        while start < end:
            stop = text.find("\n", start, end)
            stop = end if stop < 0 else stop
            box = around(self._parts(start, stop))
            if box is not None:
                boxes.append(box)
            start = stop + 1
        return boxes

    def _parts(self, start: int, end: int) -> list[Place]:
        pieces, parts = self._placed.pieces, []
        for number in range(max(bisect_right(self._starts, start) - 1, 0), bisect_left(self._starts, end)):
            at = number * PIECE_NUMBERS
            first, last, left, top, right, bottom = pieces[at : at + PIECE_NUMBERS]
            if last <= start:
                continue
            if (first < start or end < last) and _UPRIGHT * (right - left) > bottom - top:
                step = (right - left) / (last - first)
                left, right = int(left + step * max(start - first, 0)), int(right - step * max(last - end, 0))
            parts.append((left, top, right, bottom))
        return parts

    def _source_of(self, boxes: Sequence[Place]) -> Source:
        fields = self._placed.fields
        if boxes and len(fields):
            across, down = (boxes[0][0] + boxes[0][2]) / 2, (boxes[0][1] + boxes[0][3]) / 2
            for at in range(0, len(fields), 4):
                left, top, right, bottom = fields[at : at + 4]
                if left <= across <= right and top <= down <= bottom:
                    return Source.FORM_FIELD
        return self._placed.source


@lru_cache(maxsize=8_192)
def _compact_word(word: str) -> str:
    return word.lower() if word.isascii() else compact_code(word)


@lru_cache(maxsize=8_192)
def _compact_text(text: str) -> str:
    return "".join(_WORD.findall(text)).lower() if text.isascii() else compact_code(text)
