"""What can stop the host or one function from starting, told apart so that one bad function never stops the others."""


class HostStartError(Exception):
    """The host cannot start; the message tells a person what to change.

    :ivar exit_code: of the process; 2 for a wrong option or a taken port, 1 otherwise.
    """

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class FunctionProblem(Exception):
    """One function cannot be used as it is written; it is reported and skipped."""
