"""The few kinds of failure. Each API maps them to its wire form in one function.

A message says what was tried, on what, and what was found; `hint` says what to do about it. `code` is the
process exit code Docker's client would use where that matters (126, 127).
"""


class SampanError(Exception):
    """Base of every failure that is somebody's to hear about; anything else is a bug."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class NotFound(SampanError):
    """The named thing does not exist (HTTP 404)."""


class AlreadyExists(SampanError):
    """The name is taken (HTTP 409)."""


class Conflict(SampanError):
    """The thing is in a state that does not allow this (HTTP 409)."""


class NotModified(SampanError):
    """Nothing to do: it already is so (HTTP 304 in Docker's API)."""


class Invalid(SampanError):
    """The request itself is wrong (HTTP 400)."""


class Denied(SampanError):
    """Not allowed (HTTP 403)."""


class Unauthorized(SampanError):
    """Credentials are missing or wrong (HTTP 401)."""


class Unavailable(SampanError):
    """Something needed does not answer now; trying again may help (HTTP 503)."""


class Unsupported(SampanError):
    """This machine or this build cannot do that (HTTP 501)."""


class Failed(SampanError):
    """It was tried and went wrong for a reason outside the request (HTTP 500)."""
