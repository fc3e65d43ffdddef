"""A blob in the container ``invoices``: the same pipeline as an upload; the result goes to ``invoice-results``."""

import azure.functions as func

from shared_code import bootstrap


def main(blob: func.InputStream, context: func.Context) -> None:
    """Process one blob. What may pass within seconds is raised, so that the platform delivers the blob again."""
    bootstrap.warm_up()
    _container, _, name = str(blob.name).partition("/")
    services = bootstrap.services().ready()
    try:
        services.blobs.delivery.take(name, content=blob.read(), trace_parent=context.trace_context.trace_parent)
    finally:
        services.webhooks.wake()
