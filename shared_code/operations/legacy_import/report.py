"""What an import found and did, as rows for people and programs. No key stands in it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from shared_code.database.legacy import source as legacy
from shared_code.operations.legacy_import.limits import LegacyLimit
from shared_code.operations.legacy_import.plan import KeyPlan
from shared_code.operations.legacy_import.run import Found

#: ids that are named of each finding
_SHOWN = 20


def tables_of(found: Found) -> list[dict[str, Any]]:
    """Each table that is there: its rows, those that are here, those to take, and those that are not taken."""
    return [
        {"table": name, "place": table.place, "rows": table.rows, **_counts(found, name, table.rows)}
        for name, table in found.tables.items()
    ]


def companies_of(found: Found) -> list[dict[str, Any]]:
    """Each company's keys and model tokens: those of there are those of here, to take, and not taken together."""
    by_company: defaultdict[str, list[KeyPlan]] = defaultdict(list)
    for plan in found.plan.keys.values():
        by_company[plan.key.company_id or ""].append(plan)
    return [
        {
            "company_id": company or None,
            "keys": len(plans),
            "keys_here": sum(plan.token_id is not None for plan in plans),
            "usage_rows": sum(plan.recent.rows + plan.old.rows for plan in plans),
            "tokens_there": sum(plan.there for plan in plans),
            "tokens_here": sum(plan.tokens_here for plan in plans),
            "tokens_to_take": sum(plan.to_take for plan in plans),
            "tokens_not_taken": sum(plan.not_taken for plan in plans),
        }
        for company, plans in sorted(by_company.items())
    ]


def findings_of(found: Found, *, users_of: str | None) -> list[dict[str, Any]]:
    """What is not taken, or otherwise than it stood there, and why; the same reason once, with the ids."""
    said: dict[tuple[str, bool, str], dict[str, Any]] = {}

    def say(table: str, what: str, number: object, tokens: int = 0, *, taken: bool = False, rows: int = 1) -> None:
        one = said.setdefault((table, taken, what), _finding(table, what, taken=taken))
        one["rows"] += rows
        one["tokens"] += tokens
        if number is not None and len(one["ids"]) < _SHOWN:
            one["ids"].append(number)

    for plan in found.plan.keys.values():
        _of_key(plan, say)
    homeless = found.plan.homeless
    if homeless.rows:
        what = "usage rows of no key, or of one that is not there or not asked for"
        say(legacy.LOGS, what, None, homeless.tokens, rows=homeless.rows)
    if found.homeless_totals:
        say(legacy.SUMMARY, "running totals of no key", None, rows=found.homeless_totals)
    for limit, state in found.limits:
        why = _of_limit(limit, state, users_of)
        if why is not None:
            say(legacy.QUOTAS, why, limit.user)
    for name, tally in found.history.items():
        if tally.too_old:
            say(name, "older than such rows are kept here", None, rows=tally.too_old)
    return list(said.values())


def is_complete(findings: Iterable[Mapping[str, Any]]) -> bool:
    """Whether nothing is left that somebody has to decide. Old lines of a log are nothing to decide."""
    history = {legacy.APPLICATION_LOGS, legacy.RETRIES}
    return all(finding["taken"] or finding["table"] in history for finding in findings)


def _of_limit(limit: LegacyLimit, state: str | None, users_of: str | None) -> str | None:
    """Why a limit is not taken; None when it is."""
    if users_of is None:
        return "its users belong to no company: name one by --users-of"
    return limit.why or ("the user has other limits here, and they stay" if state == "other" else None)


def _of_key(plan: KeyPlan, say: Any) -> None:
    key, number = plan.key, plan.key.source_id
    if key.new is None:
        say(legacy.MASTER, key.why, number, 0 if plan.is_taken else plan.there)
        if plan.is_taken:
            say(
                legacy.LOGS,
                "use of a key that is not taken: booked to its company alone",
                number,
                plan.there,
                taken=True,
            )
    elif plan.elsewhere.rows:
        what = "the key was changed there since its use was taken: change it here too, by 'tokens rotate'"
        say(legacy.MASTER, what, number, plan.there)
    elif plan.not_taken:
        what = "the key was here before, with another total: what no usage row explains is not added"
        say(legacy.SUMMARY, what, number, plan.not_taken)
    for note in key.notes:
        say(legacy.MASTER, note, number, taken=True)
    if plan.old.rows and plan.is_taken:
        what = "rows without a moment, or older than usage rows are kept: in their key's total, not in reports by day"
        say(legacy.LOGS, what, number, plan.old.tokens, taken=True, rows=plan.old.rows)


def _finding(table: str, what: str, *, taken: bool) -> dict[str, Any]:
    return {"table": table, "what": what, "taken": taken, "rows": 0, "tokens": 0, "ids": []}


def _counts(found: Found, name: str, rows: int) -> dict[str, int]:
    plans = found.plan.keys.values()
    here, to_take = 0, 0
    if name == legacy.MASTER:
        here = sum(plan.token_id is not None for plan in plans)
        to_take = sum(plan.key.new is not None and plan.is_taken and plan.token_id is None for plan in plans)
    elif name == legacy.LOGS:
        here = sum(plan.here.rows for plan in plans)
        to_take = sum(plan.recent.rows - plan.here.rows for plan in plans if plan.is_taken)
    elif name == legacy.SUMMARY:
        totals = [
            (plan, plan.key.total.rows) for plan in plans if plan.key.total is not None and plan.key.new is not None
        ]
        here = sum(count for plan, count in totals if plan.token_id is not None)
        to_take = sum(count for plan, count in totals if plan.token_id is None and plan.is_taken)
    elif name == legacy.QUOTAS:
        here = sum(state == "here" for _, state in found.limits)
        to_take = sum(state is None and limit.why is None for limit, state in found.limits)
    elif name in found.history:
        tally = found.history[name]
        here, to_take = tally.here, tally.to_take
    return {"here": here, "to_take": to_take, "not_taken": rows - here - to_take}
