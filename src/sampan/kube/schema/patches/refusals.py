"""What a client hears of a patch that cannot be applied."""

from sampan.specs.golang.json import mistyped
from sampan.specs.kubernetes.status import StatusError, bad_request


def unprocessable() -> StatusError:
    """A patch that does not fit its object: which operation, and why, is kept from the client.

    NewGenericServerResponse in k8s.io/apimachinery/pkg/api/errors
    """
    return StatusError("Invalid", "the server rejected our request due to an error in our request", {})


def failed(message: str) -> StatusError:
    """An error that has no form of its own upstream: no reason, no details."""
    return StatusError("", message, code=500)


def undecodable(value: object, wanted: str, prefix: str = "", field: str = "") -> StatusError:
    """The patch is JSON, but of another type than Go's `wanted`."""
    return bad_request(prefix + mistyped(value, wanted, field).args[0])
