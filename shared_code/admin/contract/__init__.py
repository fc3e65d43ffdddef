"""The part of the OpenAPI document that FastAPI does not make: uploads, readings, health, and what an answer holds."""
