"""ASP.NET route templates, matched as the host matches them.

One sequential collection in the order of function names, first match wins: no ranking of literals before parameters. A
method that a function does not list and a failed constraint are both simply no match, so the answer is 404, never 405.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from devstack.host.discovery import FunctionDefinition
from devstack.host.errors import FunctionProblem
from devstack.host.route_constraints import Constraint, parse_constraint


@dataclass(frozen=True)
class Parameter:
    """``{name:constraint=default}``, ``{name?}`` or ``{*name}``."""

    name: str
    constraints: tuple[Constraint, ...]
    default: str | None
    optional: bool
    catch_all: bool

    def accepts(self, value: str) -> bool:
        """Whether every constraint holds."""
        return all(test(value) for test in self.constraints)


@dataclass(frozen=True)
class Segment:
    """What stands between two slashes: literals and parameters, e.g. ``page-{n}``."""

    parts: tuple[str | Parameter, ...]

    @property
    def only(self) -> str | Parameter | None:
        """The single part, or None for a mixed segment."""
        return self.parts[0] if len(self.parts) == 1 else None

    @property
    def may_be_absent(self) -> bool:
        """Whether the path may end before this segment."""
        only = self.only
        return isinstance(only, Parameter) and (only.optional or only.catch_all or only.default is not None)

    @property
    def is_catch_all(self) -> bool:
        """Whether it swallows the rest of the path."""
        return isinstance(self.only, Parameter) and self.only.catch_all

    def match(self, text: str) -> dict[str, str] | None:
        """Values of the parameters when ``text`` fits, without the constraints."""
        only = self.only
        if isinstance(only, str):
            return {} if only.casefold() == text.casefold() else None
        if only is not None:
            return {only.name: text}
        # The last parameter is the shortest one possible, as there.
        pattern = "".join(re.escape(part) if isinstance(part, str) else "(.+)" for part in self.parts)
        found = re.fullmatch(pattern, text, re.IGNORECASE)
        names = [part.name for part in self.parts if isinstance(part, Parameter)]
        return dict(zip(names, found.groups(), strict=True)) if found else None


@dataclass(frozen=True)
class Template:
    """A parsed route template."""

    text: str
    segments: tuple[Segment, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """Route values for a decoded path, or None. A trailing slash is ignored, an empty segment never matches."""
        rest = path.removeprefix("/")
        pieces = rest.removesuffix("/").split("/") if rest.strip("/") else []
        if rest.startswith("/"):
            return None
        values: dict[str, str] = {}
        for index, segment in enumerate(self.segments):
            if segment.is_catch_all:
                caught = "/".join(rest.split("/")[index:])
                return self._finish(values, index, caught)
            if index >= len(pieces):
                return self._finish(values, index, "")
            found = segment.match(pieces[index]) if pieces[index] else None
            if found is None:
                return None
            values.update(found)
        return self._finish(values, len(self.segments), "") if len(pieces) <= len(self.segments) else None

    def _finish(self, values: dict[str, str], index: int, caught: str) -> dict[str, str] | None:
        """Fill what the path left out, then test the constraints."""
        for segment in self.segments[index:]:
            if not segment.may_be_absent:
                return None
            parameter = segment.only
            assert isinstance(parameter, Parameter)
            if parameter.catch_all and caught:
                values[parameter.name] = caught
            elif parameter.default is not None:
                values[parameter.name] = parameter.default
        for segment in self.segments:
            for part in segment.parts:
                if isinstance(part, Parameter) and part.name in values and not part.accepts(values[part.name]):
                    return None
        return values


@dataclass(frozen=True)
class Route:
    """A function behind a template; ``methods`` None means every method."""

    function: FunctionDefinition
    template: Template
    methods: frozenset[str] | None


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
            if (first.methods is None or second.methods is None or first.methods & second.methods)
            and _overlap(first.template.segments, second.template.segments)
        ]


def build_route(function: FunctionDefinition, *, prefix: str) -> Route:
    """The route of an HTTP function below ``prefix``. Raises :class:`FunctionProblem` for a wrong template."""
    text = "/".join(part for part in (prefix.strip("/"), function.route) if part)
    return Route(function, parse_template(text), function.methods)


def parse_template(text: str) -> Template:
    """Parse ASP.NET inline syntax. Raises :class:`FunctionProblem`."""
    segments = tuple(Segment(_parts(piece, text)) for piece in _split(text, "/")) if text else ()
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        for part in segment.parts:
            if not isinstance(part, Parameter):
                continue
            if part.catch_all and not (last and segment.only):
                raise FunctionProblem(f"Route '{text}': a catch-all parameter can only be the last segment.")
            if part.optional and not segment.only:
                raise FunctionProblem(f"Route '{text}': this stand-in takes no optional parameter inside a segment.")
    names = [part.name.casefold() for segment in segments for part in segment.parts if isinstance(part, Parameter)]
    if len(names) != len(set(names)):
        raise FunctionProblem(f"Route '{text}': a parameter name appears more than once.")
    return Template(text, segments)


def _split(text: str, separator: str) -> list[str]:
    """Split outside braces, so that a constraint may hold the separator."""
    pieces, depth, current = [], 0, ""
    for letter in text:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == separator and depth == 0:
            pieces.append(current)
            current = ""
        else:
            current += letter
    return [*pieces, current]


def _parts(segment: str, template: str) -> tuple[str | Parameter, ...]:
    tokens = re.findall(r"\{(?:[^{}]|\{\{|\}\})*\}|[^{}]+", segment)
    if not segment or "".join(tokens) != segment:
        raise FunctionProblem(f"Route '{template}' is not a valid template.")
    return tuple(_parameter(token[1:-1], template) if token.startswith("{") else token for token in tokens)


def _parameter(text: str, template: str) -> Parameter:
    wrong = FunctionProblem(f"Route '{template}': '{{{text}}}' is not a valid parameter.")
    head = re.match(r"(\*{0,2})([^:=?*/{}]+)", text)
    if head is None:
        raise wrong
    rest, tests = text[head.end() :], []
    while rest.startswith(":"):
        # An argument ends at the bracket that another constraint, the default or the end follows.
        one = re.match(r":([^:=?()]+(?:\(.*?\)(?=[:=?]|$))?)", rest, re.DOTALL)
        if one is None:
            raise wrong
        tests.append(parse_constraint(one.group(1).replace("{{", "{").replace("}}", "}")))
        rest = rest[one.end() :]
    if rest not in {"", "?"} and not rest.startswith("="):
        raise wrong
    default = rest[1:] if rest.startswith("=") else None
    return Parameter(head.group(2), tuple(tests), default, rest == "?", bool(head.group(1)))


def _overlap(first: tuple[Segment, ...], second: tuple[Segment, ...]) -> bool:
    if not first or not second:
        return all(segment.may_be_absent for segment in first or second)
    head, other = first[0], second[0]
    if head.is_catch_all or other.is_catch_all:
        return True
    if (head.may_be_absent and _overlap((), second)) or (other.may_be_absent and _overlap(first, ())):
        return True
    return _segments_overlap(head, other) and _overlap(first[1:], second[1:])


def _segments_overlap(one: Segment, two: Segment) -> bool:
    if isinstance(one.only, str) and isinstance(two.only, str):
        return one.only.casefold() == two.only.casefold()
    for literal, other in ((one.only, two), (two.only, one)):
        if isinstance(literal, str):
            values = other.match(literal)
            tests = [part for part in other.parts if isinstance(part, Parameter)]
            return values is not None and all(part.accepts(values[part.name]) for part in tests)
    return True
