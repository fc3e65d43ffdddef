"""The one entry for people: ``run``, ``test``, ``check``, ``package``, ... Dispatches to ``devstack/setup``.

Needs nothing but any Python from 3.11 on; it finds the Python 3.13 that the project runs on, or says what to install.
"""

import sys


def main() -> int:
    """Check the interpreter before anything is imported that an old one could not even parse."""
    if sys.version_info < (3, 11):  # noqa: UP036 - an older Python is just what this line is for
        print(f"dev.py needs Python 3.11 or newer to start; this is {sys.version.split()[0]} ({sys.executable}).")
        return 2
    from devstack.setup.command_line import main as dispatch

    return dispatch(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
