"""Annotations that say something about the pod they stand on, most of them older than the fields for it."""

import json
from typing import Any

from sampan.errors import Invalid
from sampan.kube.kinds.core.podspec.containers import with_paths
from sampan.kube.kinds.core.podspec.paths import descending_path_errors
from sampan.kube.kinds.core.podspec.scheduling import tolerations_errors
from sampan.kube.kinds.resource import Object
from sampan.specs.golang.numbers import parse_int
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid
from sampan.specs.kubernetes.pods import MIRROR

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
TOLERATIONS = "scheduler.alpha.kubernetes.io/tolerations"
SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"

Annotations = dict[str, str]


def annotations_errors(annotations: Annotations, spec: Object, path: str) -> list[FieldError]:
    """What each says must at least be possible; `path` is that of the annotations."""
    if not annotations:
        return []
    found: list[FieldError] = []
    if MIRROR in annotations and not spec.get("nodeName"):
        detail = "must set spec.nodeName if mirror pod annotation is set"
        found.append(invalid(f"{path}[{MIRROR}]", annotations[MIRROR], detail))
    if text := annotations.get(TOLERATIONS):
        found += _tolerations_errors(text, path)
    if DELETION_COST in annotations and not _is_cost(annotations[DELETION_COST]):
        cost = annotations[DELETION_COST]
        found.append(invalid(f"{path}[{DELETION_COST}]", cost, "must be a 32bit integer"))
    for key, profile in annotations.items():
        if key == SECCOMP_POD or key.startswith(SECCOMP_CONTAINER):
            found += _seccomp_errors(profile, f"{path}.{key}")
    for key, profile in annotations.items():
        if key.startswith(APP_ARMOR):
            found += _app_armor_errors(key, profile, spec, f"{path}[{key}]")
    return found


def _is_cost(text: str) -> bool:
    # No leading plus, and no leading zeros either: two ways to write a number are one too many.
    if text[:1] == "+" or (len(text) > 1 and text[0] == "0"):
        return False
    try:
        parse_int(text, bits=32)
    except Invalid:
        return False
    return True


def _tolerations_errors(text: str, path: str) -> list[FieldError]:
    try:
        tolerations: Any = json.loads(text)
    except (ValueError, RecursionError):
        return [invalid(path, TOLERATIONS, "invalid JSON")]
    if not isinstance(tolerations, list) or not all(isinstance(one, dict) for one in tolerations):
        return [invalid(path, TOLERATIONS, "json: cannot unmarshal into Go value of type []core.Toleration")]
    strings = [
        {key: value for key, value in one.items() if isinstance(value, (str, int))} for one in tolerations
    ]
    return tolerations_errors(strings, f"{path}.{TOLERATIONS}")


def _seccomp_errors(profile: str, path: str) -> list[FieldError]:
    if profile in ("runtime/default", "docker/default", "unconfined"):
        return []
    if profile.startswith("localhost/"):
        return descending_path_errors(profile.removeprefix("localhost/"), path)
    return [invalid(path, profile, "must be a valid seccomp profile")]


def _app_armor_errors(key: str, profile: str, spec: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    name = key.removeprefix(APP_ARMOR)
    if all(container.get("name") != name for _, container in with_paths(spec, "")):
        found.append(invalid(path, name, "container not found"))
    if profile not in ("", "runtime/default", "unconfined") and not profile.startswith("localhost/"):
        found.append(invalid(path, profile, f"invalid AppArmor profile name: {quote(profile)}"))
    return found


def annotation_changes_errors(
    new: Annotations, old: Annotations, spec: Object, path: str
) -> list[FieldError]:
    found: list[FieldError] = []
    for key, value in old.items():
        if new.get(key) != value and (what := _fixed(key)):
            found.append(forbidden(f"{path}[{key}]", f"may not remove or update {what}"))
    for key in new:
        if key not in old and (what := _fixed(key)):
            found.append(forbidden(f"{path}[{key}]", f"may not add {what}"))
    return found + annotations_errors(new, spec, path)


def _fixed(key: str) -> str:
    if key.startswith(APP_ARMOR):
        return "AppArmor annotations"
    return "mirror pod annotation" if key == MIRROR else ""


def seccomp_match_errors(annotations: Annotations, spec: Object, path: str) -> list[FieldError]:
    """Who says it twice, by annotation and by field, must say the same; checked when a pod is created."""
    found: list[FieldError] = []
    holders = [(SECCOMP_POD, path, spec)] + [
        (SECCOMP_CONTAINER + container.get("name", ""), where, container)
        for where, container in with_paths(spec, path)
    ]
    for key, where, holder in holders:
        profile = (holder.get("securityContext") or {}).get("seccompProfile")
        if profile is not None and key in annotations:
            words = ("runtime/default", "docker/default")
            where = f"{where}.securityContext.seccompProfile"
            found += _match_errors(annotations[key], profile, words, "seccomp", where)
    return found


def app_armor_match_errors(annotations: Annotations, spec: Object, path: str) -> list[FieldError]:
    if (spec.get("os") or {}).get("name") == "windows":
        return []
    found: list[FieldError] = []
    whole = (spec.get("securityContext") or {}).get("appArmorProfile")
    for where, container in with_paths(spec, path):
        profile = (container.get("securityContext") or {}).get("appArmorProfile") or whole
        key = APP_ARMOR + container.get("name", "")
        if profile is not None and key in annotations:
            where = f"{where}.securityContext.appArmorProfile"
            found += _match_errors(annotations[key], profile, ("runtime/default",), "apparmor", where)
    return found


def _match_errors(
    annotation: str, profile: Object, defaults: tuple[str, ...], what: str, path: str
) -> list[FieldError]:
    type_ = profile.get("type", "")
    wrong = {
        "Unconfined": annotation != "unconfined",
        "RuntimeDefault": annotation not in defaults,
        "Localhost": not annotation.startswith("localhost/"),
    }
    if wrong.get(type_, False):
        return [forbidden(f"{path}.type", f"{what} type in annotation and field must match")]
    local = profile.get("localhostProfile")
    if type_ == "Localhost" and annotation.removeprefix("localhost/") != local:
        return [forbidden(f"{path}.localhostProfile", f"{what} profile in annotation and field must match")]
    return []
