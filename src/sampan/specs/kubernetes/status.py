"""Failures in Kubernetes' form: meta.k8s.io/v1 Status. Pure; k8s.io/apimachinery/pkg/api/errors

A StatusError is raised wherever it is known what a client must hear; the API server sends its `status()`.
"""

from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes.fielderror import FieldError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeGuard

REASONS = {
    "BadRequest": 400,
    "Unauthorized": 401,
    "Forbidden": 403,
    "NotFound": 404,
    "MethodNotAllowed": 405,
    "NotAcceptable": 406,
    "AlreadyExists": 409,
    "Conflict": 409,
    "Gone": 410,
    "Expired": 410,
    "RequestEntityTooLarge": 413,
    "UnsupportedMediaType": 415,
    "Invalid": 422,
    "TooManyRequests": 429,
    "InternalError": 500,
    "ServiceUnavailable": 503,
    "ServerTimeout": 500,
    "Timeout": 504,
}


class StatusError(Exception):
    """`details` is a StatusDetails, as JSON has it, or None."""

    def __init__(
        self, reason: str, message: str, details: "dict[str, Any] | None" = None, code: "int | None" = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.details = details
        self.code = REASONS.get(reason, 500) if code is None else code

    def status(self) -> "dict[str, Any]":
        found: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            found["reason"] = self.reason
        if self.details is not None:
            found["details"] = self.details
        found["code"] = self.code
        return found


def _details(name: str, group: str, kind: str) -> "dict[str, Any]":
    return {key: value for key, value in (("name", name), ("group", group), ("kind", kind)) if value}


def qualified(group: str, name: str) -> str:
    """ "deployments.apps"; the core group has no name."""
    return f"{name}.{group}" if group else name


def not_found(group: str, resource: str, name: str) -> StatusError:
    """There is no such object."""
    message = f"{qualified(group, resource)} {quote(name)} not found"
    return StatusError("NotFound", message, _details(name, group, resource))


def no_such_path() -> StatusError:
    """Nothing is served there."""
    return StatusError("NotFound", "the server could not find the requested resource", {})


def already_exists(group: str, resource: str, name: str) -> StatusError:
    """There is one of this name."""
    message = f"{qualified(group, resource)} {quote(name)} already exists"
    return StatusError("AlreadyExists", message, _details(name, group, resource))


def conflict(group: str, resource: str, name: str, why: str) -> StatusError:
    """Somebody else was faster, or knows better."""
    message = f"Operation cannot be fulfilled on {qualified(group, resource)} {quote(name)}: {why}"
    return StatusError("Conflict", message, _details(name, group, resource))


def forbidden(group: str, resource: str, name: str, why: str) -> StatusError:
    """Without a resource (a path that is none) only the reason is told."""
    if not resource:
        return StatusError("Forbidden", f"forbidden: {why}", {})
    named = f" {quote(name)}" if name else ""
    message = f"{qualified(group, resource)}{named} is forbidden: {why}"
    return StatusError("Forbidden", message, _details(name, group, resource))


def invalid(group: str, kind: str, name: str, errors: "list[FieldError]") -> StatusError:
    """All that is wrong with an object, in the order found; the message says it once, the causes as often."""
    texts = list(dict.fromkeys(str(error) for error in errors))
    what = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = _details(name, group, kind)
    details["causes"] = [
        {"reason": error.reason, "message": error.body, "field": error.path} for error in errors
    ]
    return StatusError("Invalid", f"{qualified(group, kind)} {quote(name)} is invalid: {what}", details)


def bad_request(message: str) -> StatusError:
    """It cannot be understood."""
    return StatusError("BadRequest", message)


def internal(message: str) -> StatusError:
    """The server failed."""
    details = {"causes": [{"message": message}]}
    return StatusError("InternalError", f"Internal error occurred: {message}", details)


def timeout(message: str, seconds: int) -> StatusError:
    """It took longer than the client or the server waits."""
    return StatusError("Timeout", f"Timeout: {message}", {"retryAfterSeconds": seconds})


def expired(message: str) -> StatusError:
    """What was asked for has been forgotten."""
    return StatusError("Expired", message)


def unavailable(message: str) -> StatusError:
    """Not now."""
    return StatusError("ServiceUnavailable", message)


def has_cause(error: StatusError, reason: str) -> bool:
    """Do its details name this cause? A namespace on its way out gives "NamespaceTerminating"."""
    return any(one.get("reason") == reason for one in (error.details or {}).get("causes") or ())


def is_not_found(error: BaseException) -> "TypeGuard[StatusError]":
    """Is there no such object?"""
    return isinstance(error, StatusError) and error.code == 404


def is_already_there(error: BaseException) -> "TypeGuard[StatusError]":
    """Is there one of this name?"""
    return isinstance(error, StatusError) and error.reason == "AlreadyExists"


def is_conflict(error: BaseException) -> "TypeGuard[StatusError]":
    """Was somebody else faster?"""
    return isinstance(error, StatusError) and error.reason == "Conflict"


def is_gone(error: BaseException) -> "TypeGuard[StatusError]":
    """Has an object that was asked for by its uid gone, whether or not another one has its name now?"""
    return isinstance(error, StatusError) and error.code in (404, 409)
