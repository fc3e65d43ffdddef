"""The HTTP endpoints without a web framework: uploads and health."""
