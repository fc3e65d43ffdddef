"""How the set-up talks to people: one line per step, and problems that say what to do."""

import sys
import threading

_lock = threading.Lock()


class SetupProblem(Exception):
    """Something that the person at the keyboard has to mend. ``str(problem)`` says what and how."""


def say(text: str) -> None:
    """Print one line at once. A console that went away (closed pipe) is not an error."""
    with _lock:
        try:
            print(text, flush=True)
        except (BrokenPipeError, ValueError):
            sys.stdout = None  # print() to None is silent: nobody reads any more
