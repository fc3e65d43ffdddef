#!/usr/bin/env python3
"""Operations on a deployment or a laptop: database, keys, usage, quotas. Dispatches to ``shared_code/cli``.

Needs nothing but any Python to start with; it goes on in the one of ``.venv`` where this one lacks the packages.
"""

import sys
from pathlib import Path

from shared_code.cli.start.interpreter import go_on_in_venv


def main() -> int:
    """Run the command by a Python that can; returns its exit code."""
    home = Path(__file__).resolve().parent
    code = go_on_in_venv(home)
    if code is not None:
        return code
    from shared_code.cli.main import main as dispatch

    return dispatch(home=home)


if __name__ == "__main__":
    sys.exit(main())
