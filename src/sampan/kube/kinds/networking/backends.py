"""What an Ingress leads to, and references to what configures it. pkg/apis/networking/validation"""

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required


def backend_errors(backend: Object, path: str, relaxed: bool) -> list[FieldError]:
    """`relaxed`: a service's name may begin with a digit."""
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        return [invalid(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        return reference_errors(resource, f"{path}.resource")
    if service is not None:
        return _service_errors(service, path, relaxed)
    return [invalid(path, "", "resource or service backend is required")]


def _service_errors(service: Object, path: str, relaxed: bool) -> list[FieldError]:
    where = f"{path}.service"
    found: list[FieldError] = []
    if name := service.get("name"):
        check = names.dns1123_label if relaxed else names.dns1035_label
        found += [invalid(f"{where}.name", name, message) for message in check(name)]
    else:
        found.append(required(f"{where}.name"))
    port = service.get("port") or {}
    name, number = port.get("name"), port.get("number")
    if name and number:
        found.append(invalid(path, "", "cannot set both port name & port number"))
    elif name:
        found += [invalid(f"{where}.port.name", name, message) for message in names.port_name(name)]
    elif number:
        found += [invalid(f"{where}.port.number", number, message) for message in names.port_number(number)]
    else:
        found.append(required(path, "port name or number is required"))
    return found


def reference_errors(reference: Object, path: str) -> list[FieldError]:
    """Of a TypedLocalObjectReference."""
    found: list[FieldError] = []
    if (group := reference.get("apiGroup")) is not None:
        found += [invalid(f"{path}.apiGroup", group, one) for one in names.dns1123_subdomain(group)]
    for field in ("kind", "name"):
        found += segment_errors(reference.get(field), f"{path}.{field}")
    return found


def segment_errors(value: str | None, path: str) -> list[FieldError]:
    """Of what has to be there and to fit into a path."""
    if not value:
        return [required(path)]
    return [invalid(path, value, message) for message in names.path_segment(value)]
