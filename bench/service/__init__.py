"""The service beside the bare SDK: the same documents, the same model stand-in, in turn. ``docs/performance.md``."""
