"""Gemini on loopback for development and tests: the unmodified google-genai SDK talks to it.

It reads the uploaded document's own text layer and fills the schema of the request from it. Nothing is canned; a fault
script makes it fail in every way that the service is known to fail.
"""

from devstack.gemini.app import GeminiStandIn

__all__ = ["GeminiStandIn"]
