"""How failures reach a client of Docker's API: a status code and `{"message": ...}`."""

import errno
import logging

from aiohttp import web

from sampan import errors

log = logging.getLogger("sampan.http")

STATUS: dict[type[errors.SampanError], int] = {
    errors.NotFound: 404,
    errors.AlreadyExists: 409,
    errors.Conflict: 409,
    errors.NotModified: 304,
    errors.Invalid: 400,
    errors.Denied: 403,
    errors.Unauthorized: 401,
    errors.Unavailable: 503,
    errors.Unsupported: 501,
    errors.Failed: 500,
}


# Of the machine, and no mistake of ours.
_EXHAUSTED = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO)
)


def status_of(error: BaseException) -> tuple[int, str]:
    """The HTTP status and the sentence for the user; a bug is logged here, and only here."""
    if isinstance(error, errors.SampanError):
        for kind in type(error).__mro__:
            if kind in STATUS:
                return STATUS[kind], str(error)
        return 500, str(error)
    if isinstance(error, web.HTTPException):
        return error.status, (error.text or error.reason)
    if isinstance(error, OSError) and error.errno in _EXHAUSTED:
        text = f"{error.filename}: " if error.filename else ""
        log.error("%s%s", text, error.strerror)
        return 500, f"{text}{(error.strerror or '').lower()}"
    log.error("internal error", exc_info=error)
    if isinstance(error, OSError):
        return 500, str(error)
    return 500, f"internal error: {type(error).__name__}: {error}"
