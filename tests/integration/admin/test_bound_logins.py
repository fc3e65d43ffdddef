"""What a login that is bound to a company changes, on each database."""

from shared_code.database import tables


def test_what_a_bound_operator_changes_is_in_the_audit_under_his_name(api):
    mine = api.add()
    key = api.new_key("operator", company="NT047")
    assert api.post(f"tokens/{mine.id}/block", key=key).data["status"] == "Blocked"
    added = api.post("tokens", {"company_id": "nt047", "api_key": "AIzaBound0123456789"}, key=key)
    assert (added.status, added.data["company_id"]) == (201, "NT047")
    entries = api.get("audit").data["items"][:2]
    assert [entry["action"] for entry in entries] == ["token.add", "token.block"]
    assert {entry["actor"] for entry in entries} == {f"admin-key:{key.partition('.')[0]}"}


def test_a_bound_operator_keeps_the_keys_and_limits_of_his_company_in_whatever_case_it_was_typed(api):
    mine, other = api.add(), api.add(company="OTHER")
    quota = api.post("quotas", {"company_id": "NT047", "scope": "company", "daily_limit": 5}).data["quota_id"]

    def type_in(connection):
        for table in (tables.token_master, tables.quotas):
            connection.execute(table.update().where(table.c.CompanyID == "NT047").values(CompanyID="nt047"))

    api.services.database.run(type_in)
    key, stranger = api.new_key("operator", company="nt047"), api.new_key("operator", company="OTHER")
    assert [item["token_id"] for item in api.get("tokens", key=key).data["items"]] == [mine.id]
    assert [item["quota_id"] for item in api.get("quotas", key=key).data["items"]] == [quota]
    assert api.post(f"tokens/{mine.id}/block", key=key).data["status"] == "Blocked"
    assert api.patch(f"quotas/{quota}", {"daily_limit": 6}, key=key).data["daily_limit"] == 6
    for address in (f"tokens/{mine.id}", f"quotas/{quota}"):
        assert api.delete(address, key=stranger).code == "FORBIDDEN"
    assert api.post(f"tokens/{other.id}/block", key=key).code == "FORBIDDEN"
    assert api.get(f"tokens/{other.id}").data["status"] == "Active"
