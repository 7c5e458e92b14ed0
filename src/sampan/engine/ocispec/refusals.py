"""Failures in the words of the container runtime, which Docker shows as they are."""

from sampan.errors import Failed

_CREATE = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: "
    "runc create failed: "
)


def refused(reason: str) -> Failed:
    return Failed(f"{_CREATE}{reason}: unknown")
