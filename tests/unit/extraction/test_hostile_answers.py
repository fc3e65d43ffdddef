"""Whatever a model writes into the schema, the result is well formed and nothing raises."""

import json
import re
from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.wire_schema import LIST_FIELDS, ROW_FIELDS, SCALAR_FIELDS, parse_answer
from shared_code.extraction.answer_review import needs_second_look
from shared_code.invoices.result import build_result
from shared_code.invoices.schema import as_dict
from shared_code.invoices.text_layer import TextLayer

_TEXTS = st.one_of(
    st.none(),
    st.sampled_from(
        ["1,75,083.00", "1.234", "(12.00)", "-", "0", "9 %", "05/03/2026", "2026-02-30", "0000-00-00", "9999-12-31", "31.12.9999", "INR", "usd", "$",
         "27AAACS1234F1ZS", "NL50INGB0683251309", "DE123456789", "GSTIN", "yes", "N/A", "999999999999999.999999", "-0.00", "1e999", "NaN", "٣", "१,७५,०८३.००",
         "\ud800", "\u0000", "\u202e", "𝟙𝟚", "½", "Ⅷ", "x" * 500, "1" * 400, "27", "Maharashtra", "CHE", "seller", "buyer", "1", "2", "99999", "=cmd|calc!A1", "credit_note"]
    ),
    st.text(max_size=12),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-10**9, max_value=10**9).map(str),
)  # fmt: skip
_FIELDS = st.sampled_from(["document_type", *SCALAR_FIELDS])
_INVOICES = st.fixed_dictionaries(
    {name: st.lists(_TEXTS, max_size=2) for name in LIST_FIELDS}
    | {
        table: st.lists(st.dictionaries(st.sampled_from(columns), _TEXTS, max_size=8), max_size=2)
        for table, columns in ROW_FIELDS.items()
    }
    | {"scalars": st.dictionaries(_FIELDS, _TEXTS, max_size=30)}
).map(lambda entry: entry.pop("scalars") | entry)
_ANSWERS = st.fixed_dictionaries(
    {
        "document_status": st.sampled_from(["invoice", "not_an_invoice", "unreadable"]),
        "invoices": st.lists(_INVOICES, max_size=2),
    }
)
_PAGES = st.lists(
    st.one_of(
        st.just(""),
        st.text(max_size=60),
        st.just("Invoice A-1 dated 05/03/2026, total € 1.234,00 and $ 12.00, page 1 of 1, thank you very much indeed"),
    ),
    max_size=2,
)
_MONEY = re.compile(r"-?\d+(\.\d{1,10})?")


@settings(derandomize=True, max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(_ANSWERS, _PAGES)
def test_no_answer_breaks_the_reading(answer, pages):
    reading = read_invoices(parse_answer(json.dumps(answer)), TextLayer(pages))
    needs_second_look(reading, TextLayer(pages))
    result = build_result(reading, pages=pages, today=date(2026, 11, 21))
    data = result.result_dict()
    json.dumps(data, ensure_ascii=False).encode()
    assert data["status"] in {"ok", "needs_review", "not_an_invoice", "multiple_invoices"}
    assert set(data["confidence"].values()) <= {"high", "medium", "low"}
    for found in result.invoices:
        plain = as_dict(found)
        for name in ("total", "subtotal", "round_off", "exchange_rate"):
            assert plain[name] is None or _MONEY.fullmatch(plain[name])
        assert json.loads(json.dumps(plain)) == plain
