"""Probes and lifecycle hooks: what a container is asked to do at certain moments."""

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required

_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


def probes_errors(container: Object, path: str) -> list[FieldError]:
    """A container's three probes."""
    found: list[FieldError] = []
    if (probe := container.get("livenessProbe")) is not None:
        found += _once_errors(probe, f"{path}.livenessProbe")
    if (probe := container.get("readinessProbe")) is not None:
        found += _probe_errors(probe, f"{path}.readinessProbe")
        if (grace := probe.get("terminationGracePeriodSeconds")) is not None:
            where = f"{path}.readinessProbe.terminationGracePeriodSeconds"
            found.append(invalid(where, grace, "must not be set for readinessProbes"))
    if (probe := container.get("startupProbe")) is not None:
        found += _once_errors(probe, f"{path}.startupProbe")
    return found


def _once_errors(probe: Object, path: str) -> list[FieldError]:
    found = _probe_errors(probe, path)
    if (threshold := probe.get("successThreshold", 0)) != 1:
        found.append(invalid(f"{path}.successThreshold", threshold, "must be 1"))
    return found


def _probe_errors(probe: Object, path: str) -> list[FieldError]:
    found = _handler_errors(probe, _PROBED, None, path)
    for name in _NUMBERS:
        if (number := probe.get(name, 0)) < 0:
            found.append(invalid(f"{path}.{name}", number, names.NOT_NEGATIVE))
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        where = f"{path}.terminationGracePeriodSeconds"
        found.append(invalid(where, grace, "must be greater than 0"))
    return found


def lifecycle_errors(lifecycle: Object, grace: int | None, path: str) -> list[FieldError]:
    """`grace`: the pod's, which a hook must not outlast."""
    found: list[FieldError] = []
    for name in ("postStart", "preStop"):
        if (handler := lifecycle.get(name)) is not None:
            found += _handler_errors(handler, _HOOKED, grace, f"{path}.{name}")
    return found


_PROBED = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOKED = ("exec", "httpGet", "tcpSocket", "sleep")


def _handler_errors(
    handler: Object, kinds: tuple[str, ...], grace: int | None, path: str
) -> list[FieldError]:
    present = [kind for kind in kinds if handler.get(kind) is not None]
    if not present:
        return [required(path, "must specify a handler type")]
    found = _action_errors(present[0], handler[present[0]], grace, f"{path}.{present[0]}")
    for kind in present[1:]:
        found.append(forbidden(f"{path}.{kind}", "may not specify more than 1 handler type"))
    return found


def _action_errors(kind: str, action: Object, grace: int | None, path: str) -> list[FieldError]:
    if kind == "exec":
        return [] if action.get("command") else [required(f"{path}.command")]
    if kind == "httpGet":
        return _http_errors(action, path)
    if kind == "sleep":
        return _sleep_errors(action.get("seconds", 0), grace, path)
    return port_errors(action.get("port", 0), f"{path}.port")


def _http_errors(action: Object, path: str) -> list[FieldError]:
    found = [] if action.get("path") else [required(f"{path}.path")]
    found += port_errors(action.get("port", 0), f"{path}.port")
    if (scheme := action.get("scheme", "")) not in ("HTTP", "HTTPS"):
        found.append(not_supported(f"{path}.scheme", scheme, ("HTTP", "HTTPS")))
    for header in action.get("httpHeaders") or ():
        name = header.get("name", "")
        found += [invalid(f"{path}.httpHeaders", name, one) for one in names.http_header_name(name)]
    return found


def _sleep_errors(seconds: int, grace: int | None, path: str) -> list[FieldError]:
    if grace is None or 0 <= seconds <= grace:
        return []
    detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
    return [invalid(path, seconds, detail)]


def port_errors(port: int | str, path: str) -> list[FieldError]:
    """A port's number, or the name that a container gave to one."""
    messages = names.port_name(port) if isinstance(port, str) else names.port_number(port)
    return [invalid(path, port, message) for message in messages]
