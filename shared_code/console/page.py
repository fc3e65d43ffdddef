"""What a page of the console is: an address, a template, and what a login must be allowed to do to see it."""

import re
from dataclasses import dataclass
from functools import cached_property

from shared_code.operations.access import Action


@dataclass(frozen=True)
class Page:
    """One page.

    :ivar name: its name for the navigation and for tests, such as ``keys``.
    :ivar path: below the console, such as ``keys`` or ``extractions/{id}``; a part in braces fits any text
        without ``/`` and stands in ``params`` of the page's module.
    :ivar title: as people read it.
    :ivar template: a file of ``templates/``.
    :ivar action: what a login must be allowed to do.
    :ivar icon: the symbol's name in ``static/icons.svg``; None keeps the page out of the navigation.
    :ivar section: the name of the page that the navigation marks; None = this one.
    """

    name: str
    path: str
    title: str
    template: str
    action: Action
    icon: str | None = None
    section: str | None = None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts = re.split(r"(\{\w+\})", self.path)
        return re.compile("".join(f"(?P<{part[1:-1]}>[^/]+)" if part[:1] == "{" else re.escape(part) for part in parts))

    def params_of(self, path: str) -> dict[str, str] | None:
        """The values in a path below the console; None when it is another page's."""
        found = self._pattern.fullmatch(path)
        return None if found is None else found.groupdict()
