"""Progress on standard error, where somebody waits: a bar with rate and remaining time, or plain lines.

A terminal gets a bar that leaves nothing behind. Anything else (a log, a pipe) gets a line every few seconds. With
``--json`` there is neither: what a program reads stays as it is, and what it shows beside it is its own affair.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared_code.cli.output import harmless

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, Task, TaskID
    from rich.text import Text

#: seconds between two plain lines
_EVERY = 5.0
_MINUTE = 60
_HOUR = 3600
#: leaves room for names on narrow screens
_BAR_WIDTH = 20
#: before so much is done, the time that remains is a guess
_SEEN = 0.02


class Bar:
    """What a command tells of its work. ``total`` is None where nobody knows how much there is."""

    def show(self, done: int, what: str = "") -> None:
        """Say that ``done`` are done by now, and what is at work."""

    def advance(self, what: str = "") -> None:
        """Say that one more is done."""


@contextmanager
def progress(
    name: str,
    total: int | None,
    *,
    as_json: bool = False,
    least: int = 1,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Bar]:
    """A bar for the time of a block.

    :param name: what is counted: ``documents``.
    :param least: with fewer than so many there is nothing to wait for.
    """
    if as_json or (total is not None and total < least):
        yield Bar()
    elif sys.stderr.isatty():
        with _on_terminal(name, total) as bar:
            yield bar
    else:
        lines = _Lines(name, total, clock)
        yield lines
        lines.end()


@dataclass
class _Lines(Bar):
    """Plain lines, for output that is no terminal."""

    name: str
    total: int | None
    clock: Callable[[], float]
    _done: int = 0
    _started: float = field(init=False)
    _told: float = field(init=False)
    _lines: int = 0

    def __post_init__(self) -> None:
        self._started = self._told = self.clock()

    def show(self, done: int, what: str = "") -> None:
        self._done = done
        if self.clock() - self._told >= _EVERY:
            self._told = self.clock()
            self._say(f"; {what}" if what else "")

    def advance(self, what: str = "") -> None:
        self.show(self._done + 1, what)

    def end(self) -> None:
        """A last line, where there was one before."""
        if self._lines:
            self._say("")

    def _say(self, more: str) -> None:
        self._lines += 1
        seconds = self.clock() - self._started
        of = "" if self.total is None else f" of {self.total}"
        facts = [f"{self.name}: {self._done}{of}", *rate_and_rest(self._done, self.total, seconds)]
        print(harmless(", ".join(facts) + more), file=sys.stderr, flush=True)


def rate_and_rest(done: int, total: int | None, seconds: float) -> list[str]:
    """How many a second (or minute, or hour), and how long the rest will take at that pace."""
    if done <= 0 or seconds <= 0:
        return []
    rate = done / seconds
    for unit, length in (("s", 1), ("min", _MINUTE), ("h", _HOUR)):
        if rate * length >= 1 or unit == "h":
            found = [f"{rate * length:.1f}/{unit}"]
            break
    if total is not None and done < total and done / total >= _SEEN:
        found.append(f"{duration((total - done) / rate)} left")
    return found


def duration(seconds: float) -> str:
    """``1:02:03``, or ``2:03`` below an hour."""
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def _on_terminal(name: str, total: int | None) -> Iterator[Bar]:
    # On use: a command that shows no bar needs none of it.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.fields[name]}"),
        BarColumn(_BAR_WIDTH),
        MofNCompleteColumn(),
        _pace(),
        TextColumn("{task.fields[what]}"),
    )
    # What is printed meanwhile is the result: it stays on standard output.
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as shown:
        yield _OnTerminal(shown, shown.add_task("", total=total, name=name, what=""))


def _pace() -> "ProgressColumn":
    from rich.progress import ProgressColumn
    from rich.text import Text

    class Pace(ProgressColumn):
        """Rate and remaining time, from what was done so far."""

        def render(self, task: "Task") -> "Text":
            total = None if task.total is None else int(task.total)
            return Text(", ".join(rate_and_rest(int(task.completed), total, task.elapsed or 0.0)))

    return Pace()


@dataclass
class _OnTerminal(Bar):
    """The bar."""

    shown: "Progress"
    task: "TaskID"

    def show(self, done: int, what: str = "") -> None:
        # At once: what is at work can be over before the next look at the bar.
        self.shown.update(self.task, completed=done, what=_plain(what), refresh=True)

    def advance(self, what: str = "") -> None:
        self.shown.update(self.task, advance=1, what=_plain(what))


def _plain(text: str) -> str:
    """Without what a terminal or the bar's own markup would act on."""
    return harmless(text).replace("[", r"\[")
