"""What the kinds of storage share: drivers' names and their parameters. pkg/apis/storage/validation"""

from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required, too_long

COUNT, SIZE = 512, 256 << 10
DRIVER_LENGTH = 63


def provisioner_errors(name: str, path: str) -> list[FieldError]:
    """A name like a label's key, of either case."""
    if not name:
        return [required(path)]
    # Upstream shows what it judged.
    lower = name.lower()
    return [invalid(path, lower, message) for message in names.qualified_name(lower)]


def driver_name_errors(name: str, path: str) -> list[FieldError]:
    """ValidateCSIDriverName, which drivers of devices share."""
    if not name:
        return [required(path)]
    found = [too_long(path, DRIVER_LENGTH)] if names.size(name) > DRIVER_LENGTH else []
    return found + [invalid(path, name, message) for message in names.dns1123_subdomain(name.lower())]


def parameters_errors(parameters: dict[str, str] | None, path: str, *, needed: bool) -> list[FieldError]:
    parameters = parameters or {}
    if len(parameters) > COUNT:
        return [too_long(path, COUNT)]
    found = [invalid(path, "", "field can not be empty.")] if "" in parameters else []
    if sum(names.size(key) + names.size(value) for key, value in parameters.items()) > SIZE:
        found.append(too_long(path, SIZE))
    if needed and not parameters:
        found.append(required(path, "must contain at least one key/value pair"))
    return found
