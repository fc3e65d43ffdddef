"""What limits the service at 10 to 10 million invoices an hour: a simulation with measured figures.

``docs/scaling.md`` shows its tables and says what is assumed; BENCH_PUBLISH=1 writes them there.
"""

import os

from bench.simulation import report
from bench.simulation.run import simulate
from bench.simulation.scenarios import SCENARIOS


def main() -> None:
    rows = [report.heading()]
    print(rows[0])
    for scenario in SCENARIOS:
        rows.append(report.line(scenario, simulate(scenario.load, scenario.size)))
        print(rows[-1], flush=True)
    tables = {"loads": "\n".join(rows), "sizes": report.sizes(), "check": report.checks()}
    print("", tables["sizes"], "", tables["check"], sep="\n")
    if os.environ.get("BENCH_PUBLISH"):
        for name, table in tables.items():
            report.publish(name, table)


if __name__ == "__main__":
    main()
