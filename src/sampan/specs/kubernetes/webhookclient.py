"""How webhooks are reached: what may stand in a WebhookClientConfig. Pure.

k8s.io/apiserver pkg/util/webhook
"""

from sampan.errors import Invalid
from sampan.specs.golang import url as urls
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required
from sampan.specs.kubernetes.names import dns1123_subdomain, port_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FORM = "; desired format: https://host[/path]"


def url_errors(text: str, path: str) -> list[FieldError]:
    """ValidateWebhookURL."""
    try:
        url = urls.parse(text)
    except Invalid as e:
        return [required(path, f"url must be a valid URL: {e}{_FORM}")]
    errors = []
    if url.scheme != "https":
        errors.append(invalid(path, url.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    if not url.host:
        errors.append(invalid(path, url.host, f"host must be specified{_FORM}"))
    if url.user is not None:
        errors.append(invalid(path, url.user, "user information is not permitted in the URL"))
    if url.fragment:
        errors.append(invalid(path, url.fragment, "fragments are not permitted in the URL"))
    if url.query:
        errors.append(invalid(path, url.query, "query parameters are not permitted in the URL"))
    return errors


def service_errors(service: "dict[str, Any]", path: str) -> list[FieldError]:
    """ValidateWebhookService; the port has its default."""
    errors = []
    if not service.get("name"):
        errors.append(required(f"{path}.name", "service name is required"))
    if not service.get("namespace"):
        errors.append(required(f"{path}.namespace", "service namespace is required"))
    port = service.get("port", 443)
    if messages := port_number(port):
        errors.append(invalid(f"{path}.port", port, f"port is not valid: {','.join(messages)}"))
    return errors + _path_errors(service.get("path") or "/", f"{path}.path")


def _path_errors(text: str, path: str) -> list[FieldError]:
    if text == "/":
        return []
    if text == "//":
        return [invalid(path, text, "segment[0] may not be empty")]
    errors = []
    if not text.startswith("/"):
        errors.append(invalid(path, text, "must start with a '/'"))
    for at, segment in enumerate(text[1:].removesuffix("/").split("/")):
        if not segment:
            errors.append(invalid(path, text, f"segment[{at}] may not be empty"))
        else:
            errors += [invalid(path, text, f"segment[{at}]: {one}") for one in dns1123_subdomain(segment)]
    return errors
