"""Route templates and blob paths, piece by piece."""

import pytest

from devstack.host.blobs.paths import parse_blob_path
from devstack.host.errors import FunctionProblem
from devstack.host.routes import Route, RouteTable, parse_template


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("api/a", "/api/A", {}),
        ("api/{p}", "/api", None),
        ("api/{p}", "/api/", None),
        ("api/{p?}", "/api", {}),
        ("api/{p?}", "/api/", {}),
        ("api/{p?}", "/api//", None),
        ("api/{p?}/{q?}", "/api/x/y", {"p": "x", "q": "y"}),
        ("api/{p?}/{q?}", "/api/x", {"p": "x"}),
        ("api/{p?}/x", "/api/x", None),
        ("api/{first name}", "/api/x", {"first name": "x"}),
        ("api/a.b", "/api/aXb", None),
        ("api/{*rest}", "/api", {}),
        ("api/page-{n}.{kind}", "/api/page-1.2.txt", {"n": "1.2", "kind": "txt"}),
        ("api/page-{n}", "/api/page-", None),
        ("{a}/{b}", "/x//", None),
        ("", "/", {}),
    ],
)
def test_template(template, path, values):
    assert parse_template(template).match(path) == values


@pytest.mark.parametrize(
    "template",
    ["a/{", "a/{}", "a/{*r}/b", "{a}/{A}", "a//b", "a/x{n?}", "a/x{*n}", "a/{n?}{m}", "a/}"],
)
def test_wrong_template_is_a_problem_of_the_function(template):
    with pytest.raises(FunctionProblem):
        parse_template(template)


@pytest.mark.parametrize(
    ("template", "unsupported"),
    [
        ("a/{n:int}", "route constraints"),
        ("a/{n:int?}", "route constraints"),
        ("a/{*n:min(1):max(9)}", "route constraints"),
        (r"a/{r:regex(^\d{{3}}/?$)}", "route constraints"),
        ("a/{n:int=5}", "route constraints"),
        ("a/{n=5}", "default values"),
        ("a/x-{n=a:b}", "default values"),
        ("{*rest=none}", "default values"),
    ],
)
def test_constraints_and_defaults_are_refused_by_name(template, unsupported):
    with pytest.raises(FunctionProblem, match=unsupported):
        parse_template(template)


@pytest.mark.parametrize(
    ("one", "two", "overlap"),
    [
        ("a/{x}", "a/fixed", True),
        ("{x}/fixed", "a/{y}", True),
        ("a/page-{n}", "a/page-1", True),
        ("a/page-{n}", "a/fixed", False),
        ("a/b", "A/B", True),
        ("a", "a/{x?}", True),
        ("a", "a/{x}", False),
        ("a", "a/{*x}", True),
        ("{*x}", "a/b", True),
        ("a/b", "a/b/c", False),
    ],
)
def test_overlapping_routes_are_found_both_ways(one, two, overlap):
    def routes(*texts):
        return RouteTable([Route(None, parse_template(text), None) for text in texts])

    assert bool(routes(one, two).overlapping()) is overlap
    assert bool(routes(two, one).overlapping()) is overlap


@pytest.mark.parametrize(
    ("path", "blob", "values"),
    [
        ("invoices", "any/thing.pdf", {}),
        ("invoices/{name}", "a/b.pdf", {"name": "a/b.pdf"}),
        ("invoices/{company}/{name}", "a/b/c.pdf", {"company": "a/b", "name": "c.pdf"}),
        ("invoices/{name}.pdf", "x.PDF", None),
        ("invoices/in-{{{id}}}", "in-{7}", {"id": "7"}),
        ("invoices/a.b", "aXb", None),
    ],
)
def test_blob_path(path, blob, values):
    assert parse_blob_path(path).match("Invoices", blob) == values


@pytest.mark.parametrize("path", ["{container}/x", "invoices/{name", "invoices/{a}{a}"])
def test_wrong_blob_path(path):
    with pytest.raises(FunctionProblem):
        parse_blob_path(path)
