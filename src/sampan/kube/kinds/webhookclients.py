"""How webhooks are reached; of admission's and of conversion's alike. k8s.io/apiserver/pkg/util/webhook"""

from sampan.errors import Invalid
from sampan.kube.kinds.resource import Object
from sampan.specs.golang import url
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required

_FORM = "; desired format: https://host[/path]"


def default_client(client: Object) -> None:
    """A service's port."""
    if client.get("service") is not None:
        client["service"].setdefault("port", 443)


def client_errors(client: Object, path: str) -> list[FieldError]:
    """Of a WebhookClientConfig, which is reached by a URL or by a service."""
    address, service = client.get("url"), client.get("service")
    if (address is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    if address is not None:
        return url_errors(address, f"{path}.url")
    return service_errors(service or {}, f"{path}.service")


def url_errors(text: str, path: str) -> list[FieldError]:
    try:
        parsed = url.parse(text)
    except Invalid as e:
        return [required(path, f"url must be a valid URL: {e}{_FORM}")]
    found = []
    if parsed.scheme != "https":
        found.append(invalid(path, parsed.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    if not parsed.host:
        found.append(invalid(path, parsed.host, f"host must be provided{_FORM}"))
    for value, what in (
        (parsed.user, "user information is"),
        (parsed.fragment or None, "fragments are"),
        (parsed.query or None, "query parameters are"),
    ):
        if value is not None:
            found.append(invalid(path, value, f"{what} not permitted in the URL"))
    return found


def service_errors(service: Object, path: str) -> list[FieldError]:
    # Upstream's callers give name and namespace in the wrong order: each is missed in the other's place.
    found = [
        required(f"{path}.{said}", f"service {said} is required")
        for field, said in (("namespace", "name"), ("name", "namespace"))
        if not service.get(field)
    ]
    port = service.get("port", 0)
    if messages := names.port_number(port):
        found.append(invalid(f"{path}.port", port, f"port is not valid: {', '.join(messages)}"))
    if service.get("path") is not None:
        found += _path_errors(service["path"], f"{path}.path")
    return found


def _path_errors(text: str, path: str) -> list[FieldError]:
    if text in ("", "/"):
        return []
    if text == "//":
        return [invalid(path, text, "segment[0] may not be empty")]
    found = [] if text.startswith("/") else [invalid(path, text, "must start with a '/'")]
    for at, step in enumerate(text[1:].removesuffix("/").split("/")):
        if not step:
            found.append(invalid(path, text, f"segment[{at}] may not be empty"))
            continue
        for message in names.dns1123_subdomain(step):
            found.append(invalid(path, text, f"segment[{at}]: {message}"))
    return found
