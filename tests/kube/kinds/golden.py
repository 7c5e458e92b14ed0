"""Recorded conversations, played against the kinds alone, without a server.

SAMPAN_GOLDEN names the folder with the recordings. A step is a write of one object: its recorded body is
decoded, goes through default, allocate, prepare and validate, and what is said to be wrong is compared, or
the object, but for its metadata and status.
"""

import json
import os
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sampan.kube.kinds.resource import Context, Object, Resource, Subresource
from sampan.kube.kinds.table import builtin_resources
from sampan.kube.schema import builtin, decoding, gates
from sampan.kube.schema.node import Node
from sampan.kube.schema.parsing import DecodeError
from sampan.specs.kubernetes.fielderror import FieldError
from sampan.specs.kubernetes.object_meta import (
    common_update_errors,
    object_meta_errors,
    object_meta_update_errors,
)
from sampan.specs.kubernetes.status import StatusError

FOLDER = os.environ.get("SAMPAN_GOLDEN", "")
needs_golden = pytest.mark.skipif(not FOLDER, reason="SAMPAN_GOLDEN names no folder with recordings")

NOW = "2026-01-02T03:04:05Z"
UID = "11111111-2222-3333-4444-555555555555"
NAMESPACE, ID = "kg-1234abcd", "1234abcd"

Cause = tuple[str, str]


class Cluster:
    """A Reader of what a scenario has created, and of one range of cluster addresses."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        cidr = {"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.96.0.0/12"]}}
        self.objects["servicecidrs.networking.k8s.io", "", "kubernetes"] = cidr

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        return self.objects.get((resource, namespace, name))

    def list(self, resource: str, namespace: str = "") -> list[Object]:
        return [
            value
            for (kind, space, _), value in self.objects.items()
            if kind == resource and namespace in ("", space)
        ]


@cache
def resource_of(group: str, version: str, plural: str) -> Resource | None:
    for one in builtin_resources():
        if (one.group, one.version, one.plural) == (group, version, plural):
            return one
    return None


def steps(name: str) -> Iterator[tuple[int, dict[str, Any], dict[str, Any]]]:
    """(number, request, answer) of the scenario "validation/service"."""
    text = (Path(FOLDER) / f"{name}.json").read_text()
    text = re.sub("<uid#[0-9]+>", UID, text).replace("${NS}", NAMESPACE).replace("${ID}", ID)
    for number, step in enumerate(json.loads(text)["steps"]):
        if "request" in step and "answer" in step:
            yield number, step["request"], step["answer"]


def _place(path: str) -> tuple[Resource | None, str, str, str]:
    """The resource that a path is about, and namespace, name and subresource."""
    parts = urlsplit(path).path.strip("/").split("/")
    group, parts = ("", parts[1:]) if parts[0] == "api" else (parts[1], parts[2:])
    version, parts = parts[0], parts[1:]
    namespace = ""
    if parts[:1] == ["namespaces"] and len(parts) > 2 and parts[2] not in ("status", "finalize"):
        namespace, parts = parts[1], parts[2:]
    plural, name, subresource = [*parts, "", "", ""][:3]
    return resource_of(group, version, plural), namespace, name, subresource


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = _merge(found.get(key), value)
    return found


def decoded(resource: Resource, body: Object) -> Object:
    """As Go has it: without unknown fields, amounts in canonical form."""
    found: Object = decoding.decode(node_of(resource), deepcopy(body)).object
    return found


def node_of(resource: Resource) -> Node:
    definition = builtin.definition_of(resource.group, resource.version, resource.kind)
    return builtin.node(resource.definition or definition)


def create(
    resource: Resource, body: Object, namespace: str, context: Context
) -> tuple[Object, list[FieldError]]:
    new = decoded(resource, body)
    new.setdefault("metadata", {}).pop("managedFields", None)
    if resource.namespaced:
        new["metadata"].setdefault("namespace", namespace)
    resource.default(new)
    if resource.kind == "Node":
        _taint(new)
    if resource.kind == "Pod":
        _admit(new)
    metadata = new["metadata"]
    metadata["uid"] = UID
    if metadata.get("generateName") and not metadata.get("name"):
        metadata["name"] = metadata["generateName"] + "12345"
    try:
        if resource.allocate:
            resource.allocate(new, None, context)
    except StatusError as error:
        return new, _errors_of(error)
    gates.drop(node_of(resource), new)
    resource.prepare_create(new, context)
    errors = object_meta_errors(
        new["metadata"],
        namespaced=resource.namespaced,
        names=resource.names,
        standard_finalizers=resource.judges_metadata,
    )
    other = resource.validate(new, context)
    return new, errors + other if resource.judges_metadata or not other else other


def _taint(node: Object) -> None:
    """As admission does, so that nothing runs there before the node is ready."""
    spec = node.setdefault("spec", {})
    taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    spec["taints"] = [*(spec.get("taints") or ()), taint]


def _admit(pod: Object) -> None:
    """As admission does: tolerations of nodes that are away for a while, a priority, an account."""
    spec = pod.setdefault("spec", {})
    wanted = [f"node.kubernetes.io/{one}" for one in ("not-ready", "unreachable")]
    have = spec.get("tolerations") or []
    more = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        for key in wanted
        if not any(
            one.get("key", key) == key and one.get("effect", "NoExecute") == "NoExecute" for one in have
        )
    ]
    spec["tolerations"] = [*have, *more]
    classes = {"system-cluster-critical": 2000000000}
    spec.setdefault("priority", classes.get(spec.get("priorityClassName"), 0))
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault("serviceAccountName", "default")


def update(
    resource: Resource, part: Subresource | None, new: Object, old: Object, context: Context
) -> tuple[Object, list[FieldError]]:
    new = decoded(resource, new)
    resource.default(new)
    try:
        if resource.allocate and part is None:
            resource.allocate(new, old, context)
    except StatusError as error:
        return new, _errors_of(error)
    gates.drop(node_of(resource), new)
    ((part and part.prepare_update) or resource.prepare_update)(new, old, context)
    errors = common_update_errors(new["metadata"], old["metadata"], namespaced=resource.namespaced)
    errors += object_meta_update_errors(new["metadata"], old["metadata"])
    check = part.validate_update if part else resource.validate_update
    return new, errors + (check(new, old, context) if check else resource.validate(new, context))


def _errors_of(error: StatusError) -> list[FieldError]:
    causes = (error.details or {}).get("causes", [])
    return [FieldError(cause["field"], cause["reason"], cause["message"]) for cause in causes]


def _recorded(body: Any) -> list[Cause]:
    return [(cause["field"], cause["message"]) for cause in (body.get("details") or {}).get("causes", [])]


def _without_zeros(value: Any) -> Any:
    """Decoding puts them in and takes them out."""
    if isinstance(value, dict):
        found = {key: _without_zeros(one) for key, one in value.items()}
        return {key: one for key, one in found.items() if one not in (None, "", {}, [], False, 0)}
    if isinstance(value, list):
        return [_without_zeros(one) for one in value]
    return value


def _looks_like(recorded: Any, found: Any) -> bool:
    """A placeholder, `<nodeport#1>`, stands for anything."""
    if isinstance(recorded, str) and recorded.startswith("<"):
        return True
    if isinstance(recorded, dict) and isinstance(found, dict):
        return recorded.keys() == found.keys() and all(
            _looks_like(one, found[key]) for key, one in recorded.items()
        )
    if isinstance(recorded, list) and isinstance(found, list):
        return len(recorded) == len(found) and all(map(_looks_like, recorded, found))
    return bool(recorded == found)


_OWN = ("apiVersion", "kind", "metadata", "status")


def _content(value: Object) -> Any:
    return _without_zeros({key: one for key, one in value.items() if key not in _OWN})


def _without_tokens(value: Any) -> Any:
    """Without the volume that admission adds to pods, and its mounts."""
    if isinstance(value, dict):
        found = {key: _without_tokens(one) for key, one in value.items()}
        return {key: one for key, one in found.items() if one or key not in ("volumes", "volumeMounts")}
    if isinstance(value, list):
        return [_without_tokens(one) for one in value if not _is_token(one)]
    return value


def _is_token(value: Any) -> bool:
    return isinstance(value, dict) and str(value.get("name", "")).startswith("kube-api-access-<rand")


def _differences(answer: dict[str, Any], new: Object, errors: list[FieldError]) -> list[Any]:
    body = answer["body"]
    if answer["status"] == 422:
        recorded, found = sorted(_recorded(body)), sorted((error.path, error.body) for error in errors)
        return [] if recorded == found else [recorded, found]
    if errors:
        return ["nothing is wrong", errors]
    recorded, found = _without_tokens(_content(body)), _content(new)
    return [] if _looks_like(recorded, found) else [recorded, found]


def play(name: str) -> list[Any]:
    """What differs in the writes of a scenario, as (step, request, recorded, found)."""
    cluster, wrong = Cluster(), []
    for number, request, answer in steps(name):
        resource, namespace, name_, subresource = _place(request["path"])
        body = request.get("body")
        if resource is None or not isinstance(body, dict) or answer["status"] not in (200, 201, 422):
            continue
        if request["method"] == "POST" and not name_:
            context = _context(cluster, request["path"])
            new, errors = create(resource, body, namespace, context)
        elif request["method"] in ("PATCH", "PUT"):
            old = cluster.get(resource.name, namespace, name_)
            part = next((one for one in resource.subresources if one.name == subresource), None)
            if (
                subresource == "scale"
                or old is None
                or (subresource and part is None)
                or "apply" in str(request.get("headers"))
            ):
                continue
            context = _context(cluster, request["path"])
            changed = _merge(deepcopy(old), body) if request["method"] == "PATCH" else deepcopy(body)
            changed["metadata"] = old["metadata"] | changed.get("metadata", {})
            try:
                new, errors = update(resource, part, changed, old, context)
            except DecodeError:
                continue  # what is no such object is decoding's to tell
        else:
            continue
        if differences := _differences(answer, new, errors):
            wrong.append((number, body, *differences))
        if not errors and not context.dry_run:
            new["metadata"]["resourceVersion"] = "1"
            key = (resource.name, namespace, new["metadata"].get("name", ""))
            cluster.objects[key] = new
    return wrong


def _context(cluster: Cluster, path: str) -> Context:
    dry = parse_qs(urlsplit(path).query).get("dryRun") == ["All"]
    return Context(now=NOW, reader=cluster, dry_run=dry)
