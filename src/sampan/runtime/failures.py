"""What goes wrong between fork and execve, and how Docker and runc word it.

Docker's client and tests look into these sentences (126 and 127 come out of them), so they are kept to the
letter.
"""

from __future__ import annotations

import os

from sampan.errors import SampanError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.runtime.protocol import ErrorReply

_CREATE = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: "
)
_EXEC = "OCI runtime exec failed: exec failed: unable to start container process: "
_WRONG_KIND = (
    ": Are you trying to mount a directory onto a file (or vice-versa)? "
    "Check if the specified host path exists and is the expected type"
)


class StartFailure(Exception):
    """`text` goes into runc's frame unless `bare`; `kind` is a class name of sampan.errors."""

    def __init__(self, text: str, kind: str = "Failed", *, bare: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.kind = kind
        self.bare = bare


def during_init(text: str) -> StartFailure:
    return StartFailure(f"error during container init: {text}")


def reason(error: OSError) -> str:
    """The errno's text as Go prints it: in lower case; with the filesystem's own words where there are
    any.
    """
    text = error.strerror or os.strerror(error.errno or 0)
    return text[:1].lower() + text[1:]


def reply(failure: BaseException, *, exec: bool = False) -> ErrorReply:
    """The wire form of anything init or an exec's child may raise."""
    if isinstance(failure, SampanError):
        return {"kind": type(failure).__name__, "message": failure.message}
    if not isinstance(failure, StartFailure):
        failure = during_init(describe(failure))
    if failure.bare:
        return {"kind": failure.kind, "message": failure.text}
    message = (_EXEC if exec else _CREATE) + failure.text + ": unknown"
    if "is a directory" in message:
        message += ": permission denied"
    elif not exec and "not a directory" in message:
        message += _WRONG_KIND
    return {"kind": failure.kind, "message": message}


def describe(error: BaseException) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {reason(error)}" if error.filename else reason(error)
    return f"{type(error).__name__}: {error}"
