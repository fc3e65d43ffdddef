"""Google's Gemini API: its models, its client, and how its answers and errors are read."""
