"""What the kinds of dynamic resource allocation share. k8s.io/kubernetes/pkg/apis/resource/validation"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sampan.kube.kinds.dynamicresources.selectors import selector_errors
from sampan.kube.kinds.resource import Object
from sampan.kube.kinds.storage.parameters import driver_name_errors
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import (
    FieldError,
    Shown,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)

GROUP = "resource.k8s.io"
POOL_LENGTH, ID_LENGTH, DOMAIN_LENGTH = 253, 32, 63
SELECTORS, REQUESTS, PARAMETERS = 32, 32, 10 << 10
CONDITIONS = 4  # by which binding waits
OPERATORS = ("Equal", "Exists")
EFFECTS = ("NoExecute", "NoSchedule", "None")

Check = Callable[[Any, str], list[FieldError]]


def items_errors(items: Sequence[Any], most: int, check: Check, path: str) -> list[FieldError]:
    """Of a list; when there are too many, nothing is said of each. No limit: -1."""
    if 0 <= most < len(items):
        return [too_many(path, len(items), most)]
    return [error for at, item in enumerate(items) for error in check(item, f"{path}[{at}]")]


def set_errors(
    items: Sequence[Any],
    most: int,
    check: Check,
    path: str,
    key: Callable[[Any], Any] = str,
    shown: Shown | None = None,
) -> list[FieldError]:
    """Of a list whose items differ in their keys; `shown` is what messages have for a key, if not itself."""
    found = items_errors(items, most, check, path)
    if 0 <= most < len(items):
        return found
    seen: set[Any] = set()
    for at, item in enumerate(items):
        one = key(item)
        if one in seen:
            found.append(duplicate(f"{path}[{at}]", one if shown is None else shown))
        seen.add(one)
    return found


def name_of(item: Object) -> str:
    """The key of most of them."""
    name: str = item.get("name", "")
    return name


def map_errors(
    items: dict[str, Any], most: int, length: int, check_key: Check, check: Check, path: str
) -> list[FieldError]:
    """Of a map; paths show at most `length` of a key."""
    if 0 <= most < len(items):
        return [too_many(path, len(items), most)]
    found: list[FieldError] = []
    for key, item in items.items():
        where = f"{path}[{_shortened(key, length)}]"
        found += check_key(key, where) + check(item, where)
    return found


def _shortened(text: str, length: int) -> str:
    length = max(length, 16)
    if len(text) <= length:
        return text
    rest = length - len("...")
    return text[: (rest + 1) // 2] + "..." + text[len(text) - rest // 2 :]


def label_errors(name: str, path: str) -> list[FieldError]:
    return [invalid(path, name, message) for message in names.dns1123_label(name)]


def key_errors(key: str, path: str) -> list[FieldError]:
    return [invalid(path, key, message) for message in names.qualified_name(key)]


def node_name_errors(name: str, path: str) -> list[FieldError]:
    return [invalid(path, name, message) for message in names.dns1123_subdomain(name)]


def pool_name_errors(name: str, path: str) -> list[FieldError]:
    """Domains with slashes between them."""
    if not name:
        return [required(path)]
    found = [too_long(path, POOL_LENGTH)] if names.size(name) > POOL_LENGTH else []
    for part in name.split("/"):
        found += [invalid(path, part, message) for message in names.dns1123_subdomain(part)]
    return found


def qualified_errors(name: str, path: str) -> list[FieldError]:
    """An identifier of C, and a domain before it or not; more slashes nobody looks at."""
    parts = name.split("/")
    if len(parts) == 1:
        return _identifier_errors(name, path)
    if len(parts) > 2:
        return []
    domain, own = parts
    found = (
        driver_name_errors(domain, path) if domain else [invalid(path, "", "the domain must not be empty")]
    )
    if not own:
        return [*found, invalid(path, "", "the name must not be empty")]
    return found + _identifier_errors(own, path)


def fully_qualified_errors(name: str, path: str) -> list[FieldError]:
    found = qualified_errors(name, path)
    if "/" not in name:
        detail = "a fully qualified name must be a domain and a name separated by a slash"
        found.append(invalid(path, name, detail))
    return found


def _identifier_errors(name: str, path: str) -> list[FieldError]:
    found = [too_long(path, ID_LENGTH)] if names.size(name) > ID_LENGTH else []
    return found + [invalid(path, name, message) for message in names.c_identifier(name)]


_HEX = frozenset("0123456789abcdefABCDEF")


def uid_errors(uid: str, path: str) -> list[FieldError]:
    """A UUID in its usual form; others have the same digits in other clothes."""
    if error := _uuid_error(uid):
        return [invalid(path, uid, f"error validating uid: {error}")]
    if len(uid) == 36 and uid == uid.lower():
        return []
    detail = (
        "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` "
        "with lowercase hexadecimal characters"
    )
    return [invalid(path, uid, detail)]


def _uuid_error(uid: str) -> str:
    """github.com/google/uuid Validate."""
    size = names.size(uid)
    if size == 32:
        return "" if _HEX.issuperset(uid) else "invalid UUID format"
    if size == 38:
        if uid[0] != "{" or uid[-1] != "}":
            return "invalid bracketed UUID format"
        uid = uid[1:-1]
    elif size == 45:
        if uid[:9].lower() != "urn:uuid:":
            from sampan.specs.golang.quote import quote

            return f"invalid urn prefix: {quote(uid[:9])}"
        uid = uid[9:]
    elif size != 36:
        return f"invalid UUID length: {size}"
    if any(uid[at : at + 1] != "-" for at in (8, 13, 18, 23)):
        return "invalid UUID format"
    return "" if _HEX.issuperset(uid.replace("-", "")) else "invalid UUID format"


def selectors_errors(selectors: Sequence[Object], path: str) -> list[FieldError]:
    return items_errors(selectors, SELECTORS, selector_errors, path)


def opaque_errors(configuration: Object, path: str) -> list[FieldError]:
    """Of a DeviceConfiguration."""
    opaque = configuration.get("opaque")
    if opaque is None:
        return [required(f"{path}.opaque")]
    found = driver_name_errors(opaque.get("driver", ""), f"{path}.opaque.driver")
    return found + raw_errors(opaque.get("parameters"), f"{path}.opaque.parameters", PARAMETERS)


def raw_errors(value: Any, path: str, most: int) -> list[FieldError]:
    """Of a RawExtension, which has to be an object."""
    import json

    if value is None:
        return [required(path)]
    if len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()) > most:
        return [too_long(path, most)]
    if not isinstance(value, dict):
        return [invalid(path, "<value omitted>", "must be a valid JSON object")]
    return []


def toleration_errors(toleration: Object, path: str) -> list[FieldError]:
    key, operator = toleration.get("key", ""), toleration.get("operator", "")
    value, effect = toleration.get("value", ""), toleration.get("effect", "")
    found = key_errors(key, f"{path}.key") if key else []
    if operator == "Exists":
        if value:
            detail = "must be empty for operator `Exists`"
            found.append(invalid(f"{path}.value", value, detail))
    elif operator == "Equal":
        found += [invalid(f"{path}.value", value, message) for message in names.label_value(value)]
    elif not operator:
        found.append(required(f"{path}.operator"))
    else:
        found.append(not_supported(f"{path}.operator", operator, OPERATORS))
    if effect and effect not in EFFECTS:
        found.append(not_supported(f"{path}.effect", effect, EFFECTS))
    return found


def binding_errors(conditions: Sequence[str], failures: Sequence[str], path: str) -> list[FieldError]:
    """Of the conditions for which binding waits, and of those by which it fails."""
    one, two = f"{path}.bindingConditions", f"{path}.bindingFailureConditions"
    found = items_errors(conditions, CONDITIONS, key_errors, one)
    found += items_errors(failures, CONDITIONS, key_errors, two)
    found += _repeated(conditions, one)
    seen: set[str] = set()
    for at, name in enumerate(failures):
        if name in seen:
            found.append(duplicate(f"{two}[{at}]", name))
        seen.add(name)
        if name in conditions:
            detail = "bindingFailureConditions must not overlap with bindingConditions"
            found.append(invalid(f"{two}[{at}]", name, detail))
    if failures and not conditions:
        detail = "bindingConditions are required to use bindingFailureConditions"
        found.append(invalid(one, conditions or None, detail))
    if conditions and not failures:
        detail = "bindingFailureConditions are required to use bindingConditions"
        found.append(invalid(two, failures or None, detail))
    return found


def _repeated(values: Iterable[str], path: str) -> list[FieldError]:
    seen: set[str] = set()
    found = []
    for at, value in enumerate(values):
        if value in seen:
            found.append(duplicate(f"{path}[{at}]", value))
        seen.add(value)
    return found
