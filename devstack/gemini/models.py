"""Models that the stand-in lists, those that are gone, and the aliases that resolve to another version."""

from typing import Any

_INPUT_LIMIT = 1_048_576
_OUTPUT_LIMIT = 65_536
LISTED = (
    "gemini-3.5-flash-lite",
    "gemini-3.8-flash",
    "gemini-3.7-flash",
    "gemini-3.6-flash",
    "gemini-3.5-flash",
    "gemini-3.1-flash-lite",
    "gemini-3.1-pro",
    "gemini-2.5-flash-lite",
    "gemini-4-argon",
    "gemini-flash-latest",
    "gemini-flash-lite-latest",
)
ALIASES = {"gemini-flash-latest": "gemini-3.8-flash", "gemini-flash-lite-latest": "gemini-3.5-flash-lite"}
#: Still served to old projects only: a new key gets the second form of 404.
CLOSED_TO_NEW_USERS = frozenset({"gemini-2.5-flash", "gemini-2.5-pro"})


def model_version(model: str) -> str:
    """The model that really answers."""
    return ALIASES.get(model, model)


def description(model: str) -> dict[str, Any]:
    """One model as the service lists it."""
    return {
        "name": f"models/{model}",
        "version": model_version(model).removeprefix("gemini-"),
        "displayName": model.replace("-", " ").title(),
        "inputTokenLimit": _INPUT_LIMIT,
        "outputTokenLimit": _OUTPUT_LIMIT,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "thinking": True,
    }
