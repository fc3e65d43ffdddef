"""``python -m devstack.gemini --port N``."""

import sys

from devstack.gemini.app import GeminiStandIn
from devstack.models.command_line import parser_for, port_taken, serve


def main() -> int:
    """Serve until a signal comes; 2 when the port is taken."""
    parser = parser_for("gemini")
    parser.add_argument(
        "--page-rate", type=int, choices=(258, 560, 1120), help="tokens of a PDF page; default by model"
    )
    parser.add_argument("--enforce-deadline", action="store_true", help="refuse X-Server-Timeout below 10 s")
    options = parser.parse_args()
    try:
        stand_in = GeminiStandIn(
            port=options.port,
            latency_ms=options.latency_ms,
            page_rate=options.page_rate,
            thoughts=options.thoughts,
            enforce_deadline=options.enforce_deadline,
        )
    except OSError as error:
        return port_taken(options.port, "gemini", error)
    return serve(stand_in, "gemini")


if __name__ == "__main__":
    sys.exit(main())
