"""What documents are known to hold, in both forms, and the mistakes that people make in them."""

import json

import pytest

from shared_code.errors import InvalidRequest
from shared_code.evaluation.folder import read_folder
from shared_code.evaluation.known_values import KnownRow
from shared_code.evaluation.manifest import accepted


@pytest.fixture
def folder(tmp_path):
    """Writes documents and what describes them: ``folder(a_pdf, manifest=..., **expected_files)``."""

    def build(*documents, manifest=None, **expected):
        for name in documents:
            (tmp_path / name).write_bytes(b"%PDF-1.7")
        if manifest is not None:
            text = manifest if isinstance(manifest, str) else json.dumps({"files": manifest})
            (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
        for name, content in expected.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / f"{name}.expected.json").write_text(text, encoding="utf-8")
        return tmp_path

    return build


def only(path):
    (document,) = read_folder(path).documents
    return document


def test_a_manifest_with_short_names(folder):
    expected = {
        "invoice_number": "7",
        "issuer": "Adom",
        "total": "76440.00",
        "due_date": None,
        "lines": 2,
        "iban": "DE48 9900",
        "place_of_supply": "27-Maharashtra",
        "reverse_charge": False,
        "syntax": "CII",
        "hsn": ["9988", "1122"],
        "taxes": [{"name": "NHIL", "rate": "2.5"}],
    }
    document = only(folder("a.pdf", manifest=[{"file": "a.pdf", "outcome": "extract", "expected": expected}]))
    (known,) = document.invoices
    assert document.outcomes == {"ok", "needs_review"}
    assert known.values == {
        "invoice_number": "7",
        "seller.name": "Adom",
        "total": "76440.00",
        "due_date": None,
        "india.place_of_supply_code": "27",
        "india.reverse_charge": "false",
    }
    assert known.counts == {"line_items": 2}
    assert known.rows == {
        "payment.bank_accounts": [KnownRow(0, {"iban": "DE48 9900"})],
        "line_items": [KnownRow(0, {"hsn_sac": "9988"}), KnownRow(1, {"hsn_sac": "1122"})],
        "taxes": [KnownRow(0, {"name": "NHIL", "rate": "2.5"})],
    }
    assert known.whole == {"taxes"}


def test_a_manifest_with_the_fields_of_an_answer(folder):
    expected = {"seller": {"tax_id": "DE1"}, "po_numbers": ["P-1"], "line_items[1].net_amount": 60.5}
    (known,) = only(folder("a.pdf", manifest=[{"file": "a.pdf", "expected": expected}])).invoices
    assert known.values == {"seller.tax_id": "DE1", "po_numbers[0]": "P-1"}
    assert known.rows == {"line_items": [KnownRow(1, {"net_amount": "60.5"})]}
    assert known.whole == frozenset()


def test_a_file_of_several_invoices(folder):
    listed = [{"invoice_number": "1"}, {"invoice_number": "2"}]
    document = only(folder("a.pdf", manifest=[{"file": "a.pdf", "expected_list": listed}]))
    assert [known.values["invoice_number"] for known in document.invoices] == ["1", "2"]


def test_a_file_beside_each_document(folder):
    right = {"status": "ok", "values": {"total": "238.00"}, "model_calls_at_most": 1}
    planted = {"status": "needs_review", "planted_error": {"field": "total"}, "true_values": {"total": "238.00"}}
    path = folder("a.b.pdf", "c.png", **{"a.b": {"expected": right}, "c": {"expected": planted}})
    (path / "a.b.answer.json").write_text("{}")
    one, other = read_folder(path).documents
    assert (one.path.name, one.outcomes, one.calls_at_most) == ("a.b.pdf", {"ok"}, 1)
    # The status belongs to the scripted answer, the values to the document.
    assert (other.path.name, other.outcomes, other.calls_at_most) == ("c.png", None, None)
    assert [known.invoices[0].values for known in (one, other)] == [{"total": "238.00"}] * 2


def test_documents_of_which_nothing_is_known_are_named(folder):
    found = read_folder(
        folder(
            "a.pdf",
            "b.pdf",
            "c.pdf",
            "d.pdf",
            manifest=[{"file": "a.pdf", "expected": {"total": "1"}}, {"file": "b.pdf", "outcome": "look at it"}],
            c={"expected": "the first answer is kept"},
        )
    )
    assert [document.path.name for document in found.documents] == ["a.pdf"]
    assert found.without == ("b.pdf", "c.pdf", "d.pdf")


@pytest.mark.parametrize(
    ("outcome", "allowed"),
    [
        ("extract", {"ok", "needs_review"}),
        ("extract and flag: two totals", {"needs_review"}),
        ("reject: encrypted", {"refused"}),
        ("reject: corrupt (or repair and extract)", {"refused", "ok", "needs_review"}),
        ("report not_an_invoice", {"not_an_invoice"}),
        ("report 2 invoices or flag multiple_invoices", {"multiple_invoices", "needs_review"}),
        ("ok", {"ok"}),
        ("fall back to the model", None),
        ("", None),
    ],
)
def test_outcomes_are_understood_by_their_words(outcome, allowed):
    assert accepted(outcome) == allowed


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"file": "a.pdf", "expected": {"totl": "1"}}, r"^manifest.json: files\[0\].expected.totl: .* mean total\?$"),
        (
            {"file": "a.pdf", "expected": {"total": "1,00"}},
            r"^manifest.json: files\[0\].expected.total: '1,00' is not a n",
        ),
        (
            {"file": "a.pdf", "expected": {"invoice_date": "01.02.2026"}},
            r"expected.invoice_date: .* not a date such as",
        ),
        (
            {"file": "a.pdf", "expected": {"seller": "Adom"}},
            r"expected.seller: seller is no single value; it has address",
        ),
        (
            {"file": "a.pdf", "expected": {"line_items": [{"net": "1"}]}},
            r"expected.line_items\[0\].net: there is no net in",
        ),
        ({"file": "a.pdf", "expected": {"total": ["1"]}}, r"expected.total\[0\]: total is no list"),
        ({"file": "a.pdf", "expected": {"lines": "2"}}, r"expected.lines: a number of lines is wanted"),
        ({"file": "a.pdf", "expected": "2"}, r"files\[0\].expected: an object with values is wanted"),
        ({"file": "b.pdf"}, r"files\[0\].file: there is no file b.pdf in"),
        ({"file": "../a.pdf"}, r"files\[0\].file: '../a.pdf' is not in the folder"),
        ({"expected": {"total": "1"}}, r"files\[0\].file: the name of a file is wanted, not null"),
        ("a.pdf", r"files\[0\]: an object is wanted"),
    ],
)
def test_a_mistake_in_a_manifest_is_named_by_file_and_field(folder, entry, message):
    with pytest.raises(InvalidRequest, match=message):
        read_folder(folder("a.pdf", manifest=[entry]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "^manifest.json: an object is wanted"),
        ('{"files": [', "^manifest.json: this is no JSON"),
        ("{}", "^manifest.json: the field files is missing"),
        ('{"files": {}}', "^manifest.json: files: a list is wanted"),
        ('{"files": []}', "has no known values: put a manifest.json there"),
    ],
)
def test_a_broken_manifest(folder, content, message):
    with pytest.raises(InvalidRequest, match=message):
        read_folder(folder("a.pdf", manifest=content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"id": "a"}, "^a.expected.json: the field expected is missing"),
        ({"expected": ["x"]}, "^a.expected.json: expected: an object with values is wanted"),
        ({"expected": {"values": {"total": "x"}}}, "^a.expected.json: expected.values.total: 'x' is not a number"),
        ({"expected": {"values": {}, "model_calls_at_most": "1"}}, "expected.model_calls_at_most: a whole number"),
    ],
)
def test_a_mistake_beside_a_document_is_named_by_file_and_field(folder, content, message):
    with pytest.raises(InvalidRequest, match=message):
        read_folder(folder("a.pdf", a=content))


def test_values_need_exactly_one_document(folder):
    expected = {"expected": {"values": {"total": "1"}}}
    path = folder(a=expected)
    with pytest.raises(InvalidRequest, match=r"^a.expected.json: there is no document of the name a beside it"):
        read_folder(path)
    folder("a.pdf", "a.png")
    with pytest.raises(InvalidRequest, match=r"several documents \(a.pdf, a.png\)"):
        read_folder(path)
    (path / "a.png").unlink()
    folder(manifest=[{"file": "a.pdf", "expected": {"total": "2"}}])
    with pytest.raises(InvalidRequest, match=r"^a.expected.json: a.pdf is described in manifest.json as well"):
        read_folder(path)


def test_a_folder_with_nothing_in_it_or_nothing_known(folder, tmp_path):
    with pytest.raises(InvalidRequest, match=r"has nothing in it: put a manifest\.json there"):
        read_folder(tmp_path)
    with pytest.raises(InvalidRequest, match=r"has no known values: put a manifest\.json there"):
        read_folder(folder("a.pdf"))
