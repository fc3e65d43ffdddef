"""Stand-in for ``func start``: runs the function app on a machine that has no Azure Functions Core Tools.

It drives Microsoft's own worker library (``azure-functions-runtime-v1``, the one that Azure runs for Python 3.13) in
this process and copies what the real host does around it, its traps included: routes, bodies, status codes, receipts,
poison messages, timer status. It is never deployed and refuses to be clever: where the real host would surprise, so
does this.

One app per process: the worker's registry and the package ``__app__`` are process-wide.
"""
