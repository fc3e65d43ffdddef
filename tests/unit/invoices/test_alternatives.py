"""Words that are brought together by their first character match what they matched one after the other."""

import re

from shared_code.invoices.alternatives import by_first_character
from shared_code.invoices.printed_labels import _LABELS_OF_FIELD, beside_labels_in

LABELS = sorted({label for labels in _LABELS_OF_FIELD.values() for label in labels.split(", ")}, key=len, reverse=True)


def pattern(alternatives):
    return re.compile(rf"(?<![^\W_])(?:{alternatives})(?![^\W_])")


def test_every_label_is_found_as_before_alone_and_within_others():
    words = [re.escape(label) for label in LABELS]
    slow, quick = pattern("|".join(words)), pattern(by_first_character(words))
    for first, second in zip(LABELS, reversed(LABELS), strict=True):
        for text in (first, f"{first} {second}", f"x{first}", f"{first}x {second}: 12", f"{first}{second}"):
            assert [m.span() for m in slow.finditer(text)] == [m.span() for m in quick.finditer(text)], text


def test_of_words_with_one_beginning_the_first_in_order_wins():
    assert re.match(by_first_character(["total due", "total", "tax"]), "total due")[0] == "total due"
    assert re.match(by_first_character(["total", "total due"]), "total due")[0] == "total"


def test_a_whole_word_may_be_one_character():
    assert re.fullmatch(by_first_character(["n", "no"]), "no")


def test_labels_in_all_letters_are_known():
    assert [one.field for one in beside_labels_in(["発行日 2026-01-02", "Итого 12,00"])] == ["invoice_date", "total"]
