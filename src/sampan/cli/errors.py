"""How a command fails: a text for stderr and an exit code."""

from sampan.errors import SampanError


class CliError(SampanError):
    """Printed on stderr as it is; `code` is the exit status. An empty message prints nothing."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class UsageError(CliError):
    """The command line itself is wrong; `message` already carries the usage."""


class ApiError(CliError):
    """The daemon answered with an error status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(f"Error response from daemon: {message}")
        self.status = status
        self.reason = message


class ConnectionFailed(CliError):
    """No daemon answers at this address."""
