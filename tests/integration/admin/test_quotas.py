import threading

import pytest
from sqlalchemy import event, update

from shared_code.database import tables


def quota(**values):
    return {"company_id": "nt047", "scope": "user", "subject": "bzumah", "daily_limit": 500, **values}


def test_the_life_of_a_quota(api):
    added = api.post("quotas", quota())
    assert added.status == 201
    number = added.data["quota_id"]
    assert (added.data["company_id"], added.data["daily_limit"], added.data["monthly_limit"]) == ("NT047", 500, None)
    again = api.post("quotas", quota(daily_limit=9))
    assert (again.code, again.json["error"]["details"]) == ("ALREADY_EXISTS", {"quota_id": number})
    seen = {"If-Match": added.headers["etag"]}
    changed = api.patch(f"quotas/{number}", {"monthly_limit": 9000}, headers=seen)
    assert (changed.data["daily_limit"], changed.data["monthly_limit"]) == (500, 9000)
    assert api.patch(f"quotas/{number}", {"daily_limit": 1}, headers=seen).status == 412
    counters = tables.quota_counters
    api.services.database.run(lambda c: c.execute(update(counters).values(UsedTokens=400, ReservedTokens=50)))
    used = api.get(f"quotas/{number}").data
    assert (used["daily_used"], used["daily_reserved"], used["monthly_used"]) == (400, 50, 400)
    reset = api.post(f"quotas/{number}/reset").data
    assert (reset["daily_used"], reset["daily_reserved"], reset["monthly_used"]) == (0, 50, 0)
    assert api.delete(f"quotas/{number}").status == 200
    assert api.get(f"quotas/{number}").status == 404
    assert api.get("quotas").data["items"] == []
    assert api.delete(f"quotas/{number}").status == 404
    revived = api.post("quotas", quota(daily_limit=7))
    assert (revived.status, revived.data["quota_id"]) == (201, number)
    actions = [entry["action"] for entry in api.get("audit").data["items"]]
    assert actions == ["quota.add", "quota.delete", "quota.reset", "quota.change", "quota.add"]


def test_what_makes_no_quota(api):
    for body in (
        quota(daily_limit=None),
        quota(subject=None),
        quota(scope="company"),
        quota(scope="galaxy"),
        quota(daily_limit=-1),
        quota(subject="x" * 101),
        quota(subject="\ud800"),
    ):
        assert api.post("quotas", body).code == "INVALID_REQUEST"
    number = api.post("quotas", quota()).data["quota_id"]
    assert api.patch(f"quotas/{number}", {"daily_limit": None}).code == "CONFLICT"


def test_filters_and_pages(api):
    for company in ("NT047", "OTHER"):
        for branch in ("A", "B"):
            api.post("quotas", quota(company_id=company, scope="branch", subject=branch))
    assert len(api.get("quotas?company_id=nt047&scope=branch").data["items"]) == 2
    assert api.get("quotas?scope=user").data["items"] == []
    first = api.get("quotas?limit=3").data
    rest = api.get(f"quotas?limit=3&cursor={first['next_cursor']}").data
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (3, 1, None)


@pytest.mark.parametrize(("method", "action"), [("POST", "/reset"), ("DELETE", "")])
def test_reset_and_delete_keep_to_the_version_that_was_seen(api, method, action):
    added = api.post("quotas", {"company_id": "NT047", "scope": "company", "daily_limit": 500})
    path = f"quotas/{added.data['quota_id']}"
    assert api.patch(path, {"daily_limit": 600}).status == 200
    refused = api(method, f"{path}{action}", headers={"If-Match": added.headers["etag"]})
    assert (refused.status, refused.code) == (412, "CHANGED_MEANWHILE")
    current = api.get(path)
    assert current.data["daily_limit"] == 600
    assert api(method, f"{path}{action}", headers={"If-Match": current.headers["etag"]}).status == 200


def test_of_two_new_quotas_for_one_subject_at_once_one_is_refused(api):
    ready, answers = threading.Barrier(4), []

    def add(limit):
        ready.wait()
        answers.append(api.post("quotas", quota(daily_limit=limit)))

    threads = [threading.Thread(target=add, args=(limit,)) for limit in (100, 200, 300, 400)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
    (made,) = [answer for answer in answers if answer.status == 201]
    assert [item["daily_limit"] for item in api.get("quotas").data["items"]] == [made.data["daily_limit"]]
    (entry,) = api.get("audit?action=quota.add").data["items"]
    assert entry["after"]["daily_limit"] == made.data["daily_limit"]


def test_a_page_costs_the_same_however_many_quotas_it_shows(api):
    statements = []
    event.listen(api.services.database.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    def asked():
        api.get("quotas")
        statements.clear()
        shown = len(api.get("quotas").data["items"])
        return shown, len([text for text in statements if text.startswith("SELECT")])

    for number in range(3):
        api.post("quotas", quota(scope=("company", "branch", "user")[number], subject=("", "B", "u")[number] or None))
    few = asked()
    for number in range(30):
        made = api.post("quotas", quota(subject=f"user-{number}", monthly_limit=9000, company_id=f"C{number % 7}"))
        assert made.status == 201
    many = asked()
    assert (few[0], many[0]) == (3, 33)
    assert many[1] <= few[1] + 5
