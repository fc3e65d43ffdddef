"""``python dev.py bench [name ...]``: without names, all of them."""

import importlib
import sys

BENCHES = {
    "imports": "import time of each function folder",
    "request": "our share of a request beside the bare SDK call",
    "throughput": "requests per second at 64 callers beside the bare SDK",
    "e_invoice": "e-invoices answered without a model call, per file, beside a model call of 50 ms",
    "reserve": "reserve + settle per second beside the bare UPDATE, on SQLite and PostgreSQL",
    "telemetry": "a request beside the same with telemetry off, endpoint up, down, slow and refusing; memory",
    "usage": "usage reports over a year of a thousand companies, beside the bare sum",
    "host": "the local host's share of a request on a connection that is kept",
    "fold": "usage rows summed per day: a million, and a thousand new ones over a growing history",
}


def main() -> int:
    names = sys.argv[1:] or list(BENCHES)
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no such bench: {', '.join(unknown)}. There are:")
        for name, what in BENCHES.items():
            print(f"  {name:12} {what}")
        return 2
    for name in names:
        print(f"\n== {name}: {BENCHES[name]}")
        importlib.import_module(f"bench.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
