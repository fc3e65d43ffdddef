"""/reviews and /review-rules: the queue over HTTP, decisions with If-Match, and who may do it."""

import pytest

from shared_code.database import tables
from tests.integration.reviews.desk_fixture import Reviews


@pytest.fixture
def reviews(api):
    return Reviews(api.services)


def test_a_review_is_found_taken_decided_and_told(api, reviews):
    reading = reviews.add()
    [listed] = api.get("reviews").data["items"]
    assert (listed["id"], listed["state"], listed["reason"], listed["amount"]) == (
        reading,
        "pending",
        "total_mismatch",
        "10.5",
    )
    taken = api.post("reviews/next", {"company_id": "nt047"})
    assert (taken.status, taken.data["id"]) == (200, reading)
    assert taken.data["taken_by"].startswith("admin-key:")
    assert api.post("reviews/next", {}).data is None

    shown = api.get(f"reviews/{reading}")
    assert (shown.status, shown.headers["etag"]) == (200, '"1"')
    assert set(shown.data) >= {"data", "original", "history", "earlier", "document", "position"}
    assert shown.data["position"] == {"left": 1}
    assert shown.data["document"] == {"kept": False, "kind": None, "pages": 0, "unavailable_reason": "not_kept"}
    assert shown.data["data"]["review"] == {"state": "pending"}

    sent = {
        "decision": "correct",
        "corrections": [{"field": "total", "value": "12.00", "page": 1, "box": [0, 0, 1, 1]}],
    }
    made = api.post(f"reviews/{reading}/decision", sent, headers={"If-Match": '"1"'})
    assert (made.status, made.headers["etag"], made.data["state"], made.data["version"]) == (200, '"2"', "corrected", 2)
    again = api.post(f"reviews/{reading}/decision", sent, headers={"If-Match": '"1"'})
    assert (again.status, again.data["version"]) == (200, 2)

    view = api.get(f"extractions/{reading}").data
    assert (view["data"]["invoices"][0]["total"], view["original"]["invoices"][0]["total"]) == ("12.00", "10.50")
    assert view["result"]["invoices"][0]["total"] == "10.50"
    [one] = view["history"]
    assert (one["decision"], one["state"], one["version"]) == ("correct", "corrected", 2)
    [change] = one["corrections"]
    assert (change["field"], change["before"], change["after"], change["box"]) == (
        "total",
        "10.50",
        "12.00",
        [0, 0, 1, 1],
    )
    assert change["by"] == one["by"] == made.data["decided_by"]
    [exported] = api.get("extractions/export").data["items"]
    assert exported["result"]["invoices"][0]["total"] == "12.00"
    assert api.get("reviews?state=corrected").data["items"][0]["id"] == reading


def test_a_decision_that_comes_too_late_is_told_by_whom_and_what(api, reviews):
    reading = reviews.add()
    assert api.post(f"reviews/{reading}/decision", {"decision": "confirm"}).status == 200
    other = api.new_key("reviewer")
    late = api.post(
        f"reviews/{reading}/decision", {"decision": "reject", "reason": "x"}, key=other, headers={"If-Match": '"1"'}
    )
    assert (late.status, late.code) == (412, "CHANGED_MEANWHILE")
    details = late.json["error"]["details"]
    assert (details["state"], details["version"]) == ("confirmed", 2)
    assert details["decided_by"].startswith("admin-key:")
    blind = api.post(f"reviews/{reading}/decision", {"decision": "reject", "reason": "x"}, key=other)
    assert (blind.status, blind.code, blind.json["error"]["details"]["state"]) == (409, "CONFLICT", "confirmed")
    undone = api.post(
        f"reviews/{reading}/decision", {"decision": "reject", "reason": "x"}, key=other, headers={"If-Match": '"2"'}
    )
    assert (undone.status, undone.data["state"], undone.data["decision_reason"]) == (200, "rejected", "x")


def test_people_are_called_by_the_label_of_their_key_and_the_id_stays(api, reviews):
    ama, ben = api.new_key("reviewer", label="Ama"), api.new_key("reviewer", label="Ben")
    actor = f"admin-key:{ama.partition('.')[0]}"
    reading = reviews.add()
    taken = api.post(f"reviews/{reading}/take", {}, key=ama).data
    assert (taken["taken_by"], taken["taken_by_id"]) == ("Ama", actor)
    refused = api.post(f"reviews/{reading}/take", {}, key=ben)
    assert refused.status == 409
    assert refused.json["message"] == "Ama works on this review."
    assert (refused.json["error"]["details"]["taken_by"], refused.json["error"]["details"]["taken_by_id"]) == (
        "Ama",
        actor,
    )
    sent = {"decision": "correct", "corrections": [{"field": "total", "value": "12.00"}]}
    made = api.post(f"reviews/{reading}/decision", sent, key=ama).data
    assert (made["decided_by"], made["decided_by_id"]) == ("Ama", actor)
    late = api.post(f"reviews/{reading}/decision", {"decision": "confirm"}, key=ben)
    assert "Ama has decided" in late.json["message"]
    assert (late.json["error"]["details"]["decided_by"], late.json["error"]["details"]["decided_by_id"]) == (
        "Ama",
        actor,
    )
    [listed] = api.get("reviews?state=corrected").data["items"]
    assert (listed["decided_by"], listed["decided_by_id"]) == ("Ama", actor)
    for path in (f"reviews/{reading}", f"extractions/{reading}"):
        [one] = api.get(path).data["history"]
        assert (one["by"], one["by_id"]) == ("Ama", actor), path
        assert (one["corrections"][0]["by"], one["corrections"][0]["by_id"]) == ("Ama", actor), path


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"decision": "approve"}, "decision"),
        ({"decision": "correct"}, "corrections"),
        ({"decision": "correct", "corrections": [{"field": "total", "value": "x"}]}, "total"),
        ({"decision": "correct", "corrections": [{"field": "nothing", "value": "x"}]}, "nothing"),
        ({"decision": "correct", "corrections": [{"field": "total", "value": "1", "box": [0, 0, 2, 1]}]}, None),
        ({"decision": "reject"}, "reason"),
        ({"decision": "confirm", "until": "2027-01-01"}, "until"),
        ({"decision": "confirm", "more": 1}, None),
    ],
)
def test_what_is_no_decision_is_refused(api, reviews, body, field):
    reading = reviews.add()
    refused = api.post(f"reviews/{reading}/decision", body)
    assert (refused.status, refused.code) == (400, "INVALID_REQUEST")
    if field is not None:
        assert refused.json["error"]["details"]["field"] == field


def test_pages_and_orders_of_the_list(api, reviews):
    ids = [reviews.add(total=total) for total in ("5.00", None, "70.00")]
    first = api.get("reviews?limit=2&order=amount").data
    assert [row["id"] for row in first["items"]] == [ids[2], ids[0]]
    second = api.get(f"reviews?limit=2&order=amount&cursor={first['next_cursor']}").data
    assert ([row["id"] for row in second["items"]], second["next_cursor"]) == ([ids[1]], None)
    assert [row["id"] for row in api.get("reviews?min_amount=6").data["items"]] == [ids[2]]
    for wrong in ("cursor=x", "order=best", "state=open", "min_amount=-1", "limit=0", "nothing=1"):
        assert api.get(f"reviews?{wrong}").status == 400, wrong


def test_who_may_review(api, reviews):
    own, foreign = reviews.add(), reviews.add(company="OTHER")
    clerk, viewer = api.new_key("reviewer", "NT047"), api.new_key("viewer")
    assert [row["id"] for row in api.get("reviews", key=clerk).data["items"]] == [own]
    assert api.post("reviews/next", {}, key=clerk).data["id"] == own
    assert api.post("reviews/next", {}, key=clerk).data is None
    for path in (f"reviews/{foreign}", "reviews/ext_" + "0" * 32, "reviews?company_id=OTHER", "review-rules/OTHER"):
        assert api.get(path, key=clerk).status == 403, path
    for path in ("take", "release"):
        assert api.post(f"reviews/{foreign}/{path}", key=clerk).status == 403
    assert api.post(f"reviews/{foreign}/decision", {"decision": "confirm"}, key=clerk).status == 403
    assert api.post("reviews/next", {"company_id": "OTHER"}, key=clerk).status == 403
    assert api.get("reviews", key=viewer).status == 403
    assert api("PUT", "review-rules/NT047", {"mode": "never"}, key=clerk).status == 403
    assert reviews.review(foreign).version == 1


def test_rules_are_set_shown_and_audited(api):
    assert api.get("review-rules/nt047").data == {
        "company_id": "NT047",
        "mode": "needs_review",
        "above_amount": None,
        "first_of_seller": None,
    }
    made = api("PUT", "review-rules/NT047", {"mode": "everything", "above_amount": "1000.50", "first_of_seller": 3})
    assert (made.status, made.data["above_amount"]) == (200, "1000.5")
    assert api.get("review-rules/NT047").data == made.data
    assert api.rows(tables.admin_audit)[-1].Action == "company.set-review-rule"
    for wrong in ({"mode": "x"}, {"above_amount": "-1"}, {"first_of_seller": -1}, {"above_amount": "NaN"}):
        assert api("PUT", "review-rules/NT047", wrong).status == 400


def test_an_erased_reading_has_no_review(api, reviews):
    reading = reviews.add()
    api.post(f"reviews/{reading}/decision", {"decision": "correct", "corrections": [{"field": "total", "value": "1"}]})
    assert api.delete(f"extractions/{reading}").status == 200
    assert api.get(f"reviews/{reading}").status == 404
    assert api.post(f"reviews/{reading}/decision", {"decision": "confirm"}).status == 410
    view = api.get(f"extractions/{reading}").data
    assert (view["data"], view["original"], view["history"]) == (None, None, [])
