"""The trace context that the real host hands to each invocation: always one, in the W3C form.

A request's own ``traceparent`` is continued under a new span; without a readable one a new trace begins.
"""

import re
import secrets

_TRACE_PARENT = re.compile(r"00-(?P<trace>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})")


def next_trace_parent(header: str | None) -> str:
    """``traceparent`` of an invocation, under the trace that ``header`` names."""
    found = _TRACE_PARENT.fullmatch((header or "").strip().lower())
    trace, flags = (found["trace"], found["flags"]) if found else (secrets.token_hex(16), "00")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"
