"""Nodes whose texts remember their element, and the amounts and dates that are made of such texts.

Readers take any kind of node, so nothing in them knows of this. What a reader does to a value without changing it
(another case, no blanks, the other sign) keeps the mark; any other change gives a plain value.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Self, cast

from shared_code.e_invoices.xml import Node


@dataclass(frozen=True, slots=True)
class Origin:
    """An element (of lxml, which :mod:`..xml` wraps), or an attribute of it."""

    element: Any
    attribute: str | None = None

    def marked(self, value: Decimal | date) -> Decimal | date:
        """The value with this origin."""
        marked: Amount | Day = Amount(value) if isinstance(value, Decimal) else Day(value.year, value.month, value.day)
        marked.origin = self
        return marked


class Text(str):  # noqa: SLOT000 - it is to have a further attribute
    """A text that knows its element."""

    origin: Origin

    @classmethod
    def of(cls, text: str, origin: Origin) -> Self:
        """The text with its origin."""
        marked = cls(text)
        marked.origin = origin
        return marked

    def strip(self, chars: str | None = None, /) -> str:
        """As of any text; it still knows its element, as after the other changes that leave one value what it is."""
        return Text.of(super().strip(chars), self.origin)

    def upper(self) -> str:
        """See :meth:`strip`."""
        return Text.of(super().upper(), self.origin)

    def replace(self, old: str, new: str, count: Any = -1, /) -> str:
        """See :meth:`strip`."""
        return Text.of(super().replace(old, new, count), self.origin)


class Amount(Decimal):
    """An amount that knows its element, also with the other sign."""

    origin: Origin

    def __neg__(self) -> Decimal:
        return cast("Decimal", self.origin.marked(super().__neg__()))

    def __abs__(self) -> Decimal:
        return cast("Decimal", self.origin.marked(super().__abs__()))


class Day(date):
    """A date that knows its element."""

    origin: Origin


def traced_node(read: list[Text]) -> type[Node]:
    """A kind of node that notes in ``read`` each text that it gives."""

    class TracedNode(Node):
        __slots__ = ()

        @property
        def value(self) -> str | None:
            return self._noted(super().value)

        @property
        def block(self) -> str | None:
            return self._noted(super().block)

        def attribute(self, name: str) -> str | None:
            return self._noted(super().attribute(name), name)

        def _noted(self, text: str | None, attribute: str | None = None) -> str | None:
            if text is None:
                return None
            read.append(Text.of(text, Origin(self._element, attribute)))
            return read[-1]

    return TracedNode
