"""Each query of operators names only what the code sends: names, kinds and fields are read from the sources."""

import ast
import json
import re
from functools import cache
from itertools import chain

import pytest

from tests.infra.bicep import INFRA, ROOT

QUERIES = sorted((INFRA / "queries").glob("*.kql"))
TABLES = {"requests", "dependencies", "customEvents", "customMetrics"}
#: columns of Application Insights by table (Microsoft Learn, "Application Insights data model" and the tables' reference)
COLUMNS = {
    "requests": {"timestamp", "name", "success", "resultCode", "duration", "operation_Id", "customDimensions", "url"},
    "dependencies": {"timestamp", "name", "type", "target", "success", "resultCode", "duration", "customDimensions"},
    "customEvents": {"timestamp", "name", "customDimensions", "operation_Id"},
    "customMetrics": {"timestamp", "name", "valueSum", "valueCount", "valueMax", "valueMin", "customDimensions"},
}
#: what telemetry adds to each item by itself (observability/request_context.py, observability/telemetry.py)
ALWAYS = {"request_id", "call_id", "error"}


@cache
def trees():
    return [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "shared_code").rglob("*.py"))]


def calls(method):
    """Calls ``something.method(...)`` in the product."""
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
                yield node


@cache
def first_texts(method):
    """Texts that are the first argument of such calls, with the names of their keyword arguments."""
    found = {}
    for call in calls(method):
        if call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str):
            fields = {keyword.arg for keyword in call.keywords if keyword.arg}
            fields |= {"company", "model"} if any(keyword.arg is None for keyword in call.keywords) else set()
            found.setdefault(call.args[0].value, set()).update(fields)
    return found


@cache
def set_on_spans():
    return {keyword.arg for call in calls("set") for keyword in call.keywords if keyword.arg}


@cache
def alert_kinds():
    """Each text that can be the kind of an alert: what is given as ``kind``, and texts of modules that make alerts."""
    nodes = [node for tree in trees() for node in ast.walk(tree)]
    named = {
        target.id: node.value.value
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    given = [
        keyword.value
        for node in nodes
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "kind"
    ]
    found = {value.value for value in given if isinstance(value, ast.Constant)}
    found |= {named[value.id] for value in given if isinstance(value, ast.Name) and value.id in named}
    for tree in trees():
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if names & {"Kinds", "ALERT_OF_STATUS"} or "AlertKinds" in names:
            found |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return found


def statement(path):
    """The query without its comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("//"))


def table_of(query):
    return re.match(r"\s*(\w+)", query)[1]


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_names_what_the_code_sends(path):
    query = statement(path)
    tables = set(re.findall(rf"\b({'|'.join(TABLES)})\b", query))
    assert table_of(query) in tables
    known = first_texts("request") | first_texts("metric") | first_texts("event") | {"provider": set()}
    named = [re.findall(r"'([^']+)'", found) for found in re.findall(r"\bname (?:==|in) (\([^)]*\)|'[^']*')", query)]
    names = set(chain.from_iterable(named))
    for name in names:
        assert name in known, f"nothing of the name {name} is sent"
    sent = {"requests": "request", "customMetrics": "metric", "customEvents": "event"}
    if len(tables) == 1 and (method := sent.get(table_of(query))):
        assert names <= set(first_texts(method))


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_reads_fields_that_are_sent(path):
    query = statement(path)
    read = set(re.findall(r"customDimensions\.(\w+)", query))
    fields = ALWAYS | set_on_spans()
    fields |= set().union(*first_texts("metric").values(), *first_texts("event").values())
    assert read <= fields


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_names_kinds_of_alerts_that_there_are(path):
    for found in re.findall(r"kind\)? (?:==|in) (\([^)]*\)|'[^']*')", statement(path)):
        assert set(re.findall(r"'([^']+)'", found)) <= alert_kinds()


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_reads_columns_of_its_table(path):
    """Words that are no column, function or name made before are typing errors."""
    query = re.sub(r"'[^']*'", "''", statement(path))
    tables = set(re.findall(rf"\b({'|'.join(TABLES)})\b", query))
    columns = set().union(*(COLUMNS[table] for table in tables)) | tables
    made = set(re.findall(r"\b(\w+) = ", query))
    functions = set(re.findall(r"\b(\w+)\(", query))
    grammar = {"where", "extend", "project", "order", "by", "desc", "asc", "summarize", "in", "and", "or"}
    grammar |= {"union", "false", "true"}
    used = set(re.findall(r"(?<![.\w])([A-Za-z_]\w*)", query)) - functions
    assert used <= columns | made | grammar


FUNCTIONS = {
    "arg_max",
    "bin",
    "count",
    "countif",
    "dcount",
    "iff",
    "max",
    "percentile",
    "sum",
    "sumif",
    "toint",
    "tostring",
}


def test_the_functions_are_those_of_the_language():
    """Microsoft Learn, "Kusto Query Language": scalar and aggregation functions."""
    used = set()
    for path in QUERIES:
        used |= set(re.findall(r"\b(\w+)\(", re.sub(r"'[^']*'", "", statement(path)))) - {"in", "union"}
    assert used <= FUNCTIONS


def test_brackets_and_quotes_are_closed():
    for path in QUERIES:
        text = statement(path)
        assert text.count("(") == text.count(")")
        assert text.count("'") % 2 == 0


def test_the_workbook_asks_these_queries():
    book = json.loads((INFRA / "workbook.json").read_text(encoding="utf-8"))
    asked = [item["content"]["query"] for item in book["items"] if item["type"] == 3]
    texts = {path.read_text(encoding="utf-8") for path in QUERIES if not path.stem.startswith("alert-")}
    assert set(asked) == texts
    assert len(asked) == len(texts)
    names = [item["name"] for item in book["items"]]
    assert len(names) == len(set(names))


def test_each_rule_has_its_query_and_each_query_its_rule():
    text = (INFRA / "modules" / "alerts.bicep").read_text(encoding="utf-8")
    named = set(re.findall(r"loadTextContent\('\.\./queries/([\w-]+)\.kql'\)", text))
    assert named == {path.stem for path in QUERIES if path.stem.startswith("alert-")}
