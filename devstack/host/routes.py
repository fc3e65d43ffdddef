"""ASP.NET route templates, matched as the host matches them.

One sequential collection in the order of function names, first match wins: no ranking of literals before parameters. A
method that a function does not list is simply no match, so the answer is 404, never 405.

A template may hold parameters (``{id}``), optional ones (``{kind?}``) and a catch-all (``{*path}``). Constraints
(``{id:int}``) and defaults (``{id=5}``) are refused: half understood, they would answer otherwise than Azure.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from devstack.host.discovery import FunctionDefinition
from devstack.host.errors import FunctionProblem


@dataclass(frozen=True)
class Segment:
    """What stands between two slashes: literals and parameters, e.g. ``page-{n}``."""

    text: str
    #: what a part of a path must look like, one group per parameter
    expression: str
    names: tuple[str, ...]
    #: whether the path may end before this segment
    may_be_absent: bool = False
    #: whether it swallows the rest of the path
    catch_all: bool = False

    def takes(self, other: "Segment") -> bool:
        """Whether some text that fits ``other`` may fit here."""
        return bool(other.names) or re.fullmatch(self.expression, other.text, re.IGNORECASE) is not None


@dataclass(frozen=True)
class Template:
    """A parsed route template."""

    text: str
    segments: tuple[Segment, ...]
    expression: re.Pattern[str]

    def match(self, path: str) -> dict[str, str] | None:
        """Route values for a decoded path, or None. A trailing slash is ignored, an empty segment never matches."""
        found = self.expression.fullmatch(path)
        if found is None:
            return None
        names = [name for segment in self.segments for name in segment.names]
        return {name: value for name, value in zip(names, found.groups(), strict=True) if value}


@dataclass(frozen=True)
class Route:
    """A function behind a template; ``methods`` None means every method."""

    function: FunctionDefinition
    template: Template
    methods: frozenset[str] | None

    def shares_a_method(self, other: "Route") -> bool:
        """Whether a request may fit the methods of both."""
        return self.methods is None or other.methods is None or bool(self.methods & other.methods)


class RouteTable:
    """The routes of all HTTP functions in the order of their names."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The first route that takes the method and the decoded path, with its values."""
        for route in self.routes:
            if route.methods is not None and method not in route.methods:
                continue
            values = route.template.match(path)
            if values is not None:
                return route, values
        return None

    def overlapping(self) -> list[tuple[Route, Route]]:
        """Pairs of which the first can hide the second."""
        return [
            (first, second)
            for index, first in enumerate(self.routes)
            for second in self.routes[index + 1 :]
            if first.shares_a_method(second) and _overlap(first.template.segments, second.template.segments)
        ]


def build_route(function: FunctionDefinition, *, prefix: str) -> Route:
    """The route of an HTTP function below ``prefix``. Raises :class:`FunctionProblem` for a wrong template."""
    text = "/".join(part for part in (prefix.strip("/"), function.route) if part)
    try:
        return Route(function, parse_template(text), function.methods)
    except FunctionProblem as problem:
        raise FunctionProblem(f"Function '{function.name}', route '{text}': {problem}") from problem


def parse_template(text: str) -> Template:
    """Parse ASP.NET inline syntax. Raises :class:`FunctionProblem`."""
    refused = re.search(r"\{[^{}:=]*([:=])", text)
    if refused:
        what = "route constraints ({name:int})" if refused[1] == ":" else "default values ({name=value})"
        raise FunctionProblem(f"This stand-in does not support {what}; {{name}}, {{name?}} and {{*name}} it does.")
    segments = tuple(_segment(piece) for piece in text.split("/")) if text else ()
    if any(segment.catch_all for segment in segments[:-1]):
        raise FunctionProblem("A catch-all parameter can only be the last segment.")
    names = [name.casefold() for segment in segments for name in segment.names]
    if len(names) != len(set(names)):
        raise FunctionProblem("A parameter name appears more than once.")
    expression, may_end = "", True
    for segment in reversed(segments):
        may_end = may_end and segment.may_be_absent
        expression = f"(?:/{segment.expression}{expression})?" if may_end else f"/{segment.expression}{expression}"
    return Template(text, segments, re.compile(expression + "/?", re.IGNORECASE | re.DOTALL))


def _segment(text: str) -> Segment:
    parts = re.findall(r"\{[^{}]*\}|[^{}]+", text)
    if not text or "".join(parts) != text:
        raise FunctionProblem(f"'{text}' is not a valid segment.")
    expression, names = "", []
    for part in parts:
        if not part.startswith("{"):
            expression += re.escape(part)
            continue
        found = re.fullmatch(r"\{(\*{0,2})([^*?]+)(\??)\}", part)
        if found is None:
            raise FunctionProblem(f"'{part}' is not a valid parameter.")
        stars, name, optional = found.groups()
        if (stars or optional) and len(parts) > 1:
            raise FunctionProblem(f"'{part}' can only be a segment of its own in this stand-in.")
        if stars or optional:
            return Segment(text, "(.*)" if stars else "([^/]+)", (name,), may_be_absent=True, catch_all=bool(stars))
        # Greedy, so that the last parameter gets the shortest text possible, as there.
        expression += "([^/]+)"
        names.append(name)
    return Segment(text, expression, tuple(names))


def _overlap(first: tuple[Segment, ...], second: tuple[Segment, ...]) -> bool:
    if not first or not second:
        return all(segment.may_be_absent for segment in first or second)
    head, other = first[0], second[0]
    if head.catch_all or other.catch_all:
        return True
    if (head.may_be_absent and _overlap((), second)) or (other.may_be_absent and _overlap(first, ())):
        return True
    return head.takes(other) and other.takes(head) and _overlap(first[1:], second[1:])
