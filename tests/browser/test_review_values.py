"""What people type and paste, and what documents print, as the review understands it."""

import pytest

from .profiles import CONSOLE

NONE = "none"


@pytest.fixture
def run(console):
    """Runs a piece of a module of the review in a page of the console."""
    page = console.page()
    page.goto(f"{CONSOLE}/reviews")

    def call(module, expression, argument):
        return page.evaluate(
            f"""async (given) => {{
              const found = await import(document.body.dataset.static + "/review/{module}.js");
              const made = ({expression})(found, given);
              return made === undefined ? "{NONE}" : made;
            }}""",
            argument,
        )

    return call


AMOUNTS = [
    ("1,234.50", "1234.50"),
    ("1.234,50", "1234.50"),
    ("1 234,56 €", "1234.56"),
    ("1'234.50", "1234.50"),
    ("₹ 12,34,567.89", "1234567.89"),
    ("Rs.1,000", "1000"),
    ("(12.00)", "-12.00"),
    ("12.00-", "-12.00"),
    ("-0.00", "0.00"),
    ("10%", "10"),
    (".5", "0.5"),
    ("0.125", "0.125"),
    ("1,234", "1234"),
    ("1.234", "1.234"),
    ("1.234.567", "1234567"),
    ("007", "7"),
    ("١٢٣٫٥", "123.5"),
    ("2 x 3", NONE),
    ("many", NONE),
]


def test_amounts_as_they_are_printed(run):
    read = "(m, texts) => texts.map((text) => m.readAmount(text, { decimal: null }) ?? 'none')"
    assert run("printed", read, [text for text, _ in AMOUNTS]) == [amount for _, amount in AMOUNTS]


DATES = [
    ("2026-03-05", None, "2026-03-05"),
    ("05/03/2026", True, "2026-03-05"),
    ("05/03/2026", False, "2026-05-03"),
    ("31.12.26", None, "2026-12-31"),
    ("12/31/2026", None, "2026-12-31"),
    ("5 Mar 2026", None, "2026-03-05"),
    ("March 5, 2026", None, "2026-03-05"),
    ("31122026", None, "2026-12-31"),
    ("2026-02-30", None, NONE),
    ("soon", None, NONE),
]


def test_dates_as_they_are_printed(run):
    read = "(m, texts) => texts.map(([text, dayFirst]) => m.readDate(text, { dayFirst }) ?? 'none')"
    assert run("printed", read, [[text, day_first] for text, day_first, _ in DATES]) == [date for *_, date in DATES]


def test_a_document_shows_how_it_writes_amounts_and_dates(run):
    printed = [{"text": "05/03/2026", "value": "2026-03-05"}, {"text": "1.234,50", "value": "1234.50"}]
    assert run("printed", "(m, pairs) => m.habitsOf(pairs)", printed) == {"decimal": ",", "dayFirst": True}
    assert run("printed", "(m, text) => m.readAmount(text, { decimal: ',' })", "1.234") == "1234"


def test_amounts_are_shown_without_rounding(run):
    assert (
        run("printed", "(m, text) => m.showAmount(text)", "12345678901234567890.10") == "12,345,678,901,234,567,890.10"
    )


def test_a_table_of_a_spreadsheet(run):
    text = 'Description\tQuantity\tNet amount\r\n"Sand, 0/2\nwashed"\t1.5\t1,200.00\r\nGravel\tx\t3\r\n'
    read = """(m, text) => {
      const all = ["description", "quantity", "net_amount"].map((name) => ({ name, kind: name === "description" ? "long" : "amount" }));
      return m.readTable(text, all, { decimal: null });
    }"""
    table = run("pasted_table", read, text)
    assert table["columns"] == ["description", "quantity", "net_amount"]
    assert table["rows"][0] == ["Sand, 0/2\nwashed", "1.5", "1200.00"]
    assert table["unread"] == 1


def test_corrections_name_what_was_there(run):
    read = """(m) => {
      const lines = ["a", "b", "c"].map((description) => ({ description, net_amount: "1" }));
      const reading = new m.Reading({ data: { invoices: [{ total: "5.00", buyer: null, payment: null, line_items: lines }] } });
      reading.set("0|total", "6.00", { page: 1, box: [0, 0, 1, 1] });
      reading.set("0|buyer.name", "B");
      reading.set("0|payment.bank_accounts[0].iban", "DE1");
      reading.set("0|payment.bank_accounts[0].bic", "X");
      reading.deleteLine(0, "r0");
      reading.deleteLine(0, "r2");
      reading.addLines(0, [{ description: "new" }]);
      reading.set("0|line_items[r1].net_amount", "9");
      return reading.corrections().map(({ field, value }) => [field, value?.description ?? value]);
    }"""
    assert run("reading", read, None) == [
        ["total", "6.00"],
        ["buyer.name", "B"],
        ["payment.bank_accounts[0]", {"iban": "DE1", "bic": "X"}],
        ["line_items[1].net_amount", "9"],
        ["line_items[3]", "new"],
        ["line_items[2]", None],
        ["line_items[0]", None],
    ]
