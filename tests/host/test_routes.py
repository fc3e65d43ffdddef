"""Route templates and blob paths, piece by piece."""

import pytest

from devstack.host.blob_paths import parse_blob_path
from devstack.host.errors import FunctionProblem
from devstack.host.routes import parse_template


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("api/a", "/api/A", {}),
        ("api/{p}", "/api/x", {"p": "x"}),
        ("api/{p}", "/api", None),
        ("api/{p}", "/api/", None),
        ("api/{p?}", "/api", {}),
        ("api/{p=all}", "/api", {"p": "all"}),
        ("api/{p=all}/{q?}", "/api/x/y", {"p": "x", "q": "y"}),
        ("api/{*rest}", "/api", {}),
        ("api/{**rest}", "/api/a/b/", {"rest": "a/b/"}),
        ("api/{*rest=none}", "/api", {"rest": "none"}),
        ("api/page-{n}.{kind}", "/api/page-1.2.txt", {"n": "1.2", "kind": "txt"}),
        ("api/page-{n}", "/api/page-", None),
        ("{a}/{b}", "/x//", None),
        ("", "/", {}),
        ("a/{n:int}", "/a/2147483648", None),
        ("a/{n:long}", "/a/2147483648", {"n": "2147483648"}),
        ("a/{n:min(3):max(5)}", "/a/6", None),
        ("a/{n:range(3,5)}", "/a/5", {"n": "5"}),
        ("a/{s:alpha}", "/a/ab1", None),
        ("a/{s:length(2)}", "/a/abc", None),
        ("a/{s:length(2,3)}", "/a/abc", {"s": "abc"}),
        ("a/{s:minlength(2)}", "/a/a", None),
        ("a/{s:maxlength(2)}", "/a/abc", None),
        ("a/{b:bool}", "/a/TRUE", {"b": "TRUE"}),
        ("a/{g:guid}", "/a/1f4d522a-a33f-4860-8240-098b7ff8f66d", {"g": "1f4d522a-a33f-4860-8240-098b7ff8f66d"}),
        ("a/{d:datetime}", "/a/2026-11-21", {"d": "2026-11-21"}),
        ("a/{d:decimal}", "/a/1,000.5", {"d": "1,000.5"}),
        ("a/{d:decimal}", "/a/x", None),
        (r"a/{r:regex(^\d{{3}}$)}", "/a/123", {"r": "123"}),
        (r"a/{r:regex(^\d{{3}}$)}", "/a/1234", None),
        (r"a/{r:regex(^(x|y)/?$)}", "/a/x", {"r": "x"}),
        ("a/{n:int?}", "/a", {}),
        ("a/{n:int=5}", "/a", {"n": "5"}),
    ],
)
def test_template(template, path, values):
    assert parse_template(template).match(path) == values


@pytest.mark.parametrize(
    "template",
    ["a/{", "a/{}", "a/{*r}/b", "a/{n:nothing}", "a/{n:range(x)}", "{a}/{A}", "a//b", "a/x{n?}", "a/{n:regex([)}"],
)
def test_wrong_template_is_a_problem_of_the_function(template):
    with pytest.raises(FunctionProblem):
        parse_template(template)


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
