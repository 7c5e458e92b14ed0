"""What a client hears of a patch that cannot be applied."""

from typing import Any

from sampan.kube.schema.parsing import DecodeError, read_json
from sampan.specs.golang.json import mistyped
from sampan.specs.kubernetes.status import StatusError, bad_request


def read(data: bytes, prefix: str = "") -> tuple[Any, list[str]]:
    """A patch, and what field validation says of keys that it has twice; raises StatusError."""
    try:
        return read_json(data)
    except DecodeError as error:
        raise bad_request(f"{prefix}{error}") from None


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
