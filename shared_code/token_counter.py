"""The seed document's name for counting model tokens; see :mod:`shared_code.metering.estimates`."""

from shared_code.metering.estimates import TokenCount, TokenCounter

__all__ = ["TokenCount", "TokenCounter"]
