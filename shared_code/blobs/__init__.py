"""Dropped files: from a blob in the watched container to a result file beside it, poison handling and the sweep."""
