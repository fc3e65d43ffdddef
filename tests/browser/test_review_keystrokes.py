"""A measured clerk: how many real key presses decisions take, the values themselves not counted."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from .review_page import ReviewPage, invoice, numbers, wrong_total

#: behind the last document comes the queue, a page with a count of its own
KEPT = "window.__keys = 0; addEventListener('pagehide', () => sessionStorage.setItem('keys', window.__keys))"
COUNTS = [4, pytest.param(20, marks=pytest.mark.long)]


def read_all(console, company, documents):
    """The ids of documents that are read at the same time."""
    with ThreadPoolExecutor(4) as several:
        return list(
            several.map(lambda data: console.read(None, company, data=data, file_name="a.pdf")["id"], documents)
        )


def kept(clerk):
    return int(clerk.page.evaluate("sessionStorage.getItem('keys')"))


@pytest.mark.parametrize("count", COUNTS)
def test_right_documents_take_a_key_each(console, count):
    company = console.company(mode="everything")
    # Half of them are doubted by the service: their total does not add up, and is printed so.
    made = [(wrong_total if number % 2 else invoice)(next(numbers)) for number in range(count)]
    ids = read_all(console, company, made)
    clerk = ReviewPage.signed_in(console).start(company)
    clerk.page.evaluate(KEPT)
    for number in range(count):
        here = clerk.reading_id
        clerk.look().press("Enter")
        clerk.gone(here)
        if number < count - 1:
            clerk.shown()
    print(f"{count} right documents: {kept(clerk)} keys")
    assert kept(clerk) <= count
    assert [console.api("GET", f"reviews/{one}")["state"] for one in ids] == ["confirmed"] * count


def _found(clerk, name, value):
    """Looks a field up by its name and types over it."""
    clerk.press("/")
    clerk.type(name)
    clerk.press("Enter")
    clerk.type(value)
    clerk.press("Enter")


CASES = {
    # what is wrong: how the clerk mends it, and the field that then is another one; and how long the value is
    "candidate": (wrong_total, lambda clerk: clerk.press("1", "Enter"), "total", "76440.00", 0),
    "typed over the doubt": (wrong_total, lambda clerk: (clerk.type("76440"), clerk.press("Enter")), "total", "76440", 5),
    "a field that nobody doubts": (invoice, lambda clerk: _found(clerk, "du", "2026-04-05"), "due_date", "2026-04-05", 10),
    "the number of the invoice": (invoice, lambda clerk: _found(clerk, "in", "A-1"), "invoice_number", "A-1", 3),
}  # fmt: skip


@pytest.mark.parametrize("count", COUNTS)
def test_a_wrong_field_takes_at_most_six_keys_beside_its_value(console, count):
    company = console.company(mode="everything")
    names = list(CASES)
    cases = [names[number % len(names)] for number in range(count)]
    ids = read_all(console, company, [CASES[name][0](next(numbers)) for name in cases])
    what = dict(zip(ids, cases, strict=True))
    clerk = ReviewPage.signed_in(console).start(company)
    spent = []
    for number in range(count):
        here, last = clerk.reading_id, number == count - 1
        _, mend, field, value, typed = CASES[what[here]]
        clerk.page.evaluate(KEPT)
        mend(clerk)
        clerk.look().press("Enter")
        clerk.gone(here)
        spent.append((what[here], (kept(clerk) if last else clerk.keys) - typed))
        state, data, _ = clerk.decided(here)
        assert (state, data[field]) == ("corrected", value), what[here]
        if not last:
            clerk.shown()
    print(dict(spent))
    assert max(keys for _, keys in spent) <= 6, spent
