"""Blob paths with patterns: ``container``, ``container/{name}``, ``container/in/{company}/{name}.pdf``."""

import re
from dataclasses import dataclass

from devstack.host.errors import FunctionProblem


@dataclass(frozen=True)
class BlobPattern:
    """Which blobs fire a function, and what their names are taken apart into."""

    container: str
    text: str
    names: tuple[str, ...]
    expression: re.Pattern[str]

    def match(self, container: str, blob: str) -> dict[str, str] | None:
        """Values of the ``{name}`` parts, or None. Container without regard to case, the name with it."""
        if container.casefold() != self.container:
            return None
        found = self.expression.fullmatch(blob)
        return dict(zip(self.names, found.groups(), strict=True)) if found else None


def parse_blob_path(text: str) -> BlobPattern:
    """A path of function.json. ``{{`` and ``}}`` stand for braces. Raises :class:`FunctionProblem`."""
    container, _, pattern = text.strip("/").partition("/")
    if not container or "{" in container or "}" in container:
        raise FunctionProblem(f"Invalid blob trigger path '{text}': the container must be named, without braces.")
    expression, names = "", []
    for token in re.findall(r"\{\{|\}\}|\{[^{}]+\}|[{}]|[^{}]+", pattern):
        if token in {"{{", "}}"}:
            expression += re.escape(token[0])
        elif token.startswith("{") and token.endswith("}"):
            names.append(token[1:-1])
            expression += "(.*)"
        elif token in {"{", "}"}:
            raise FunctionProblem(f"Invalid blob trigger path '{text}': a brace is not closed.")
        else:
            expression += re.escape(token)
    if len(names) != len(set(names)):
        raise FunctionProblem(f"Invalid blob trigger path '{text}': a name appears more than once.")
    return BlobPattern(container.casefold(), text, tuple(names), re.compile(expression or ".*", re.DOTALL))
