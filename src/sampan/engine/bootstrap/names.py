"""Which images can be bootstrapped, for error messages that say so."""

from sampan.specs.oci.reference import DEFAULT_DOMAIN, Reference

BOOTSTRAPPABLE = ("busybox", "debian", "ubuntu")
DESCRIPTION = "busybox, debian[:suite] or ubuntu[:suite]"


def suggestion(reference: Reference) -> str:
    """What to do when an image cannot be pulled."""
    name = reference.familiar_name
    if reference.domain != DEFAULT_DOMAIN or name not in BOOTSTRAPPABLE:
        return f"to build a base image without a registry: sampan image bootstrap {DESCRIPTION}"
    tag = f":{reference.tag}" if reference.tag not in (None, "latest") and name != "busybox" else ""
    return f"to build it without a registry: sampan image bootstrap {name}{tag}"
