"""A message in the queue ``extraction-jobs``: the document of an upload that is read later, by the one pipeline."""

import azure.functions as func

from shared_code import bootstrap


def main(message: func.QueueMessage, context: func.Context) -> None:
    """Bring one job to its end. What may pass is raised, so that the platform delivers the message again."""
    bootstrap.warm_up()
    services = bootstrap.services().ready()
    try:
        services.jobs.receive(
            message.get_body().decode("utf-8", "replace"), trace_parent=context.trace_context.trace_parent
        )
    finally:
        services.webhooks.wake()
