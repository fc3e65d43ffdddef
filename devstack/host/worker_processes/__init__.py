"""Several Python workers beside one host, as Azure has them: ``FUNCTIONS_WORKER_PROCESS_COUNT``.

The host keeps what an app has once: the port, timers, the look for blobs and messages, its own endpoints. Invocations
go to the workers in turn, over the pipes of their standard input and output. With one worker none of this is used: it
then runs in the host's own process.
"""
