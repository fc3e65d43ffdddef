"""Runs a command with Azure SQL's stand-in beside it, which Microsoft's own ODBC driver talks to.

``python devstack/setup/mssql_standin.py FOLDER -- COMMAND ...`` starts ``FOLDER/standin.py`` as a process with a
database of its own, hands its URL to the command as ``TEST_MSSQL_URL`` (and the folder as ``TEST_MSSQL_STANDIN``, for
tests that break it), and ends it with the command, whose exit code it returns. Without a command it prints the URL and
serves until interrupted. Run it in the virtual environment: the stand-in needs its packages.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_NOT_STARTED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code of the command; 2 when the stand-in does not start."""
    parser = argparse.ArgumentParser(description="Run a command with Azure SQL's stand-in beside it.")
    parser.add_argument("folder", type=Path, help="folder that holds standin.py")
    parser.add_argument("command", nargs="*", help="what to run, after --")
    options = parser.parse_args(arguments)
    try:
        with running(options.folder) as url:
            if not options.command:
                print(url, flush=True)
                sys.stdin.read()
                return 0
            environment = os.environ | {"TEST_MSSQL_URL": url, "TEST_MSSQL_STANDIN": str(options.folder.resolve())}
            return subprocess.run(options.command, env=environment, check=False).returncode
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return _NOT_STARTED
    except KeyboardInterrupt:
        return 130


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The stand-in in a process of its own, as a SQLAlchemy URL. Raises RuntimeError when it does not start."""
    with tempfile.TemporaryDirectory(prefix="mssql-", ignore_cleanup_errors=True) as data:
        process = subprocess.Popen(
            [sys.executable, str(folder / "standin.py"), str(Path(data) / "data.sqlite"), "--port", "0", "--json"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            # One line as soon as it listens: the ODBC connection string as JSON; nothing when it failed.
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RuntimeError(f"{folder / 'standin.py'} did not start (exit code {process.wait(10)})")
            yield "mssql+pyodbc:///?odbc_connect=" + urllib.parse.quote_plus(json.loads(line))
        finally:
            # It ends with its standard input, and does so even when this process is killed.
            if process.stdin:
                process.stdin.close()
            process.wait(10)
            if process.stdout:
                process.stdout.close()


if __name__ == "__main__":
    sys.exit(main())
