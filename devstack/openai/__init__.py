"""The OpenAI Responses API on loopback: the unmodified openai SDK talks to it; same reader and faults as Gemini's."""

from devstack.openai.app import OpenAIStandIn

__all__ = ["OpenAIStandIn"]
