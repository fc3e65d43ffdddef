"""``python -m devstack.openai --port N``."""

import sys

from devstack.models.command_line import parser_for, port_taken, serve
from devstack.openai.app import OpenAIStandIn


def main() -> int:
    """Serve until a signal comes; 2 when the port is taken."""
    options = parser_for("openai").parse_args()
    try:
        stand_in = OpenAIStandIn(port=options.port, latency_ms=options.latency_ms, thoughts=options.thoughts)
    except OSError as error:
        return port_taken(options.port, "openai", error)
    return serve(stand_in, "openai")


if __name__ == "__main__":
    sys.exit(main())
