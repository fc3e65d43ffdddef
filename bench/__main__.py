"""``python dev.py bench``: the service beside the bare SDK, or the measurements that are named."""

import argparse
import importlib
import signal
import sys

from bench.service.cells import FULL, ROUNDS

_CELLS = [cell.key for cell in FULL]

BENCHES = {
    "imports": "import time of all function folders",
    "start": "a start: imports, and a local host until its first upload is answered",
    "memory": "memory of the service and its children over thousands of calls, and at uploads of 20 MB",
    "e_invoice": "e-invoices answered without a model, file by file",
    "scans": "scans beside the second reader: errors found, false alarms, time; a quarter of an hour",
    "reserve": "reserve + settle beside the bare UPDATE, SQLite and PostgreSQL",
    "telemetry": "a request beside one without telemetry; endpoint up, down, slow",
    "usage": "usage reports over a year of a thousand companies",
    "host": "the local host's share of a request on a kept connection",
    "console": "the console's pages in a browser, over a year of a thousand keys",
    "parts": "processor time of an upload by part: SDK, database, evidence, children",
    "fold": "usage rows summed per day, over a growing history",
    "footprint": "what an upload leaves in the database: statements, bytes, time under the key's lock",
    "simulate": "what limits 10 to 10 million invoices an hour, simulated with measured figures",
    "simulate_check": "the simulation beside the pipeline, 16 callers",
}
#: those that stand in a folder of their own
_MODULES = {"footprint": "simulation.footprint", "simulate_check": "simulation.check"}


def main() -> int:
    """Exit code: 0 measured, 1 something that was measured failed, 2 wrong arguments, 130 interrupted."""
    options = _options()
    unknown = [name for name in options.names if name not in BENCHES]
    if unknown:
        print(f"no such bench: {', '.join(unknown)}. There are:\n{_listed()}", file=sys.stderr)
        return 2
    # Asked to end by another process: the same way out as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _run(options)
    except KeyboardInterrupt:
        print("\nbench: interrupted; everything that it started has ended", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    for name in options.names:
        print(f"\n== {name}: {BENCHES[name]}", flush=True)
        importlib.import_module(f"bench.{_MODULES.get(name, name)}").main()
    if not options.names:
        from bench.service import cells, comparison
        from bench.service.children import BenchFailed

        try:
            known = {cell.key: cell for cell in cells.FULL}
            asked = (
                [known[key] for key in options.cells] if options.cells else cells.FULL if options.full else cells.QUICK
            )
            comparison.run(cells=tuple(asked), rounds=options.rounds, publish=options.publish)
        except BenchFailed as failure:
            print(f"bench: {failure}", file=sys.stderr)
            return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dev.py bench",
        description="Measures the service beside the bare SDK; see docs/performance.md.",
        epilog=f"names:\n{_listed()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="measure these instead, see below")
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--quick", action="store_true", help="the base case, a minute and a half (the default)")
    extent.add_argument("--full", action="store_true", help="all cases, half an hour")
    extent.add_argument(
        "--cells", type=_cells, metavar="KEY,...", help=f"these cases of the full set: {', '.join(_CELLS)}"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds of each case (default: {ROUNDS})")
    parser.add_argument("--publish", action="store_true", help="with --full: write the figures to docs/performance.md")
    options = parser.parse_args()
    if options.names and (options.quick or options.full or options.cells or options.publish):
        parser.error("names and options do not go together")
    if options.publish and not options.full:
        parser.error("--publish needs --full: the page shows all cases")
    return options


def _cells(text: str) -> list[str]:
    """Keys of cases. Raises ArgumentTypeError."""
    keys = text.split(",")
    if unknown := [key for key in keys if key not in _CELLS]:
        raise argparse.ArgumentTypeError(f"no such case: {', '.join(unknown)}. There are: {', '.join(_CELLS)}")
    return keys


def _listed() -> str:
    return "\n".join(f"  {name:14} {what}" for name, what in BENCHES.items())


if __name__ == "__main__":
    sys.exit(main())
