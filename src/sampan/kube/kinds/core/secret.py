"""Secrets; pkg/apis/core/validation and pkg/registry/core/secret."""

import base64

from sampan.kube.kinds.ages import AGE, age_of
from sampan.kube.kinds.core.configmap import LARGEST, decoded_size, immutable_errors, key_errors
from sampan.kube.kinds.resource import Column, Context, Object, Resource
from sampan.specs.kubernetes.fielderror import FieldError, invalid, required, too_long
from sampan.specs.kubernetes.object_meta import IMMUTABLE

_ACCOUNT = "kubernetes.io/service-account.name"
_DOCKER = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}
_TLS = "kubernetes.io/tls"


def _default(value: Object) -> None:
    if not value.get("type"):
        value["type"] = "Opaque"
    # stringData is a way of writing data, and is never read back.
    if texts := value.pop("stringData", None):
        data = value["data"] = dict(value.get("data") or {})
        for key, text in texts.items():
            data[key] = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


def _validate(value: Object, _context: Context) -> list[FieldError]:
    data = value.get("data") or {}
    found: list[FieldError] = []
    total = 0
    for key, text in data.items():
        found += key_errors(key, "data")
        total += decoded_size(text)
    if total > LARGEST:
        found.append(too_long("data", LARGEST))
    return found + _type_errors(value, data)


def _type_errors(value: Object, data: Object) -> list[FieldError]:
    kind = value.get("type", "")
    if kind == "kubernetes.io/service-account-token":
        account = (value["metadata"].get("annotations") or {}).get(_ACCOUNT)
        return [] if account else [required(f"metadata.annotations[{_ACCOUNT}]")]
    if kind in _DOCKER:
        return _docker_errors(_DOCKER[kind], data)
    if kind == "kubernetes.io/basic-auth" and "username" not in data and "password" not in data:
        return [required("data[username]"), required("data[password]")]
    if kind == "kubernetes.io/ssh-auth" and not data.get("ssh-privatekey"):
        return [required("data[ssh-privatekey]")]
    if kind == _TLS:
        return [required(f"data[{key}]") for key in ("tls.crt", "tls.key") if key not in data]
    return []


def _docker_errors(key: str, data: Object) -> list[FieldError]:
    if key not in data:
        return [required(f"data[{key}]")]
    message = _json_error(base64.b64decode(data[key] or ""))
    return [invalid(f"data[{key}]", "<secret contents redacted>", message)] if message else []


def _json_error(data: bytes) -> str:
    """What Go says of what is no JSON object; "" of one."""
    from sampan.specs.golang.jsonsyntax import syntax_error

    text = data.decode("utf-8", "replace")
    if message := syntax_error(text):
        return message
    start = text.lstrip()[0]
    if start in "{n":
        return ""
    # What is in it does not matter, and may be too deep to be read.
    kind = {"[": "array", '"': "string", "t": "bool", "f": "bool"}.get(start, "number")
    return f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"


def _validate_update(new: Object, old: Object, context: Context) -> list[FieldError]:
    found = []
    if new.get("type") != old.get("type"):
        found.append(invalid("type", new.get("type", ""), IMMUTABLE))
    return found + immutable_errors(new, old, ("data",)) + _validate(new, context)


def _warnings(new: Object, _old: Object | None, _context: Context) -> list[str]:
    if new.get("type") != _TLS:
        return []
    from sampan.kube.kinds.core.keypair import complaint

    data = new.get("data") or {}
    pem, key = (base64.b64decode(data.get(name) or "") for name in ("tls.crt", "tls.key"))
    message = complaint(pem, key)
    return [message] if message else []


def _cells(value: Object, now: float) -> list[object]:
    return [value.get("type", ""), len(value.get("data") or ()), age_of(value, now)]


RESOURCE = Resource(
    kind="Secret",
    plural="secrets",
    default=_default,
    validate=_validate,
    validate_update=_validate_update,
    warnings=_warnings,
    selectable={"type": lambda value: str(value.get("type", ""))},
    columns=(Column("Type", describe="type"), Column("Data", describe="data"), AGE),
    cells=_cells,
)
