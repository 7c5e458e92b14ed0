"""What kubelets and schedulers write of a pod's state, and what of it cannot be."""

from sampan.kube.kinds import structs
from sampan.kube.kinds.core.podspec.security import INT32
from sampan.kube.kinds.core.podupdate import metadata_errors
from sampan.kube.kinds.resource import Context, Object, Subresource
from sampan.specs.kubernetes import ip, names
from sampan.specs.kubernetes.fielderror import FieldError, duplicate, forbidden, invalid
from sampan.specs.kubernetes.object_meta import IMMUTABLE

_CONDITIONS = ("PodScheduled", "Ready", "Initialized")
_STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")


def _prepare(new: Object, old: Object, _context: Context) -> None:
    new["spec"] = old.get("spec") or {}
    meta, before = new.setdefault("metadata", {}), old.get("metadata") or {}
    meta.pop("deletionTimestamp", None)
    if "deletionTimestamp" in before:
        meta["deletionTimestamp"] = before["deletionTimestamp"]
    # Old kubelets would write them wrong, and the garbage collector would believe them.
    meta.pop("ownerReferences", None)
    if "ownerReferences" in before:
        meta["ownerReferences"] = before["ownerReferences"]
    status, previous = new.setdefault("status", {}), old.get("status") or {}
    if not status.get("qosClass") and previous.get("qosClass"):
        status["qosClass"] = previous["qosClass"]
    _keep_generations(status, previous)


def _keep_generations(status: Object, previous: Object) -> None:
    """Whoever does not know observedGeneration does not take it away."""
    if not status.get("observedGeneration") and previous.get("observedGeneration"):
        status["observedGeneration"] = previous["observedGeneration"]
    seen = {one.get("type"): one.get("observedGeneration") for one in previous.get("conditions") or ()}
    for one in status.get("conditions") or ():
        if not one.get("observedGeneration") and seen.get(one.get("type")):
            one["observedGeneration"] = seen[one.get("type")]


def _errors(new: Object, old: Object, _context: Context) -> list[FieldError]:
    status, before, spec = new.get("status") or {}, old.get("status") or {}, new.get("spec") or {}
    found = metadata_errors(new, old)
    found += _conditions_errors(status.get("conditions") or [])
    node = status.get("nominatedNodeName", "")
    if node and node != before.get("nominatedNodeName", ""):
        path = "status.nominatedNodeName"
        found += [invalid(path, node, message) for message in names.dns1123_subdomain(node)]
    if (generation := status.get("observedGeneration", 0)) < 0:
        found.append(invalid("status.observedGeneration", generation, "must be a non-negative integer"))
    if (qos := status.get("qosClass", "")) != before.get("qosClass", ""):
        found.append(invalid("status.qosClass", qos, IMMUTABLE))
    for kind in _STATUSES:
        found += _transitions_errors(status.get(kind) or [], before.get(kind) or [], spec, kind)
    found += _claims_errors(status.get("resourceClaimStatuses") or [], spec.get("resourceClaims") or [])
    found += _addresses_errors(status, "podIPs") + _host_addresses_errors(status)
    for kind in _STATUSES:
        found += _users_errors(status.get(kind) or [], spec, f"status.{kind}")
    return found


def _conditions_errors(conditions: list[Object]) -> list[FieldError]:
    found: list[FieldError] = []
    for at, one in enumerate(conditions):
        type_, generation = one.get("type", ""), one.get("observedGeneration", 0)
        if generation < 0:
            path = f"status.conditions[{at}].observedGeneration"
            found.append(invalid(path, generation, "must be a non-negative integer"))
        if type_ not in _CONDITIONS:
            path = f"status.conditions[{at}].Type"
            found += [invalid(path, type_, message) for message in names.qualified_name(type_)]
    return found


def _transitions_errors(new: list[Object], old: list[Object], spec: Object, kind: str) -> list[FieldError]:
    """A container that has ended for good stays so."""
    found: list[FieldError] = []
    ours = {one.get("name", ""): one for one in reversed(new)}
    for at, before in enumerate(old):
        ended = (before.get("state") or {}).get("terminated")
        current = ours.get(before.get("name", ""))
        if ended is None or current is None or (current.get("state") or {}).get("terminated") is not None:
            continue
        if not _may_restart(before.get("name", ""), ended.get("exitCode", 0), spec, kind):
            detail = "may not be transitioned to non-terminated state"
            found.append(forbidden(f"status.{kind}[{at}].state", detail))
    return found


def _may_restart(name: str, code: int, spec: Object, kind: str) -> bool:
    """pkg/api/v1/pod.ContainerShouldRestart."""
    containers = {"containerStatuses": "containers", "initContainerStatuses": "initContainers"}.get(kind)
    if containers is None:
        return False
    container = next((one for one in spec.get(containers) or () if one.get("name") == name), None)
    if container is None:
        return False
    for rule in container.get("restartPolicyRules") or ():
        codes = rule.get("exitCodes") or {}
        within = code in (codes.get("values") or ())
        if within if codes.get("operator") == "In" else not within:
            return bool(rule.get("action") == "Restart")
    policy = container.get("restartPolicy") or spec.get("restartPolicy")
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def _claims_errors(statuses: list[Object], claims: list[Object]) -> list[FieldError]:
    found: list[FieldError] = []
    known = {one.get("name", "") for one in claims}
    seen: set[str] = set()
    for at, one in enumerate(statuses):
        name, path = one.get("name", ""), f"status.resourceClaimStatuses[{at}]"
        if name not in known:
            detail = "must match the name of an entry in `spec.resourceClaims`"
            found.append(invalid(f"{path}.name", name, detail))
        if name in seen:
            found.append(duplicate(f"{path}.name", name))
        seen.add(name)
        if (claim := one.get("resourceClaimName")) is not None:
            where = f"{path}.name"
            found += [invalid(where, claim, message) for message in names.dns1123_subdomain(claim)]
    return found


def _host_addresses_errors(status: Object) -> list[FieldError]:
    addresses = status.get("hostIPs") or []
    if not addresses:
        return []
    found: list[FieldError] = []
    first = addresses[0].get("ip", "")
    if status.get("hostIP", "") != first:
        found.append(invalid("status.hostIPs[0].ip", first, "must be equal to `hostIP`"))
    return found + _addresses_errors(status, "hostIPs")


def _addresses_errors(status: Object, kind: str) -> list[FieldError]:
    """One of each family at most."""
    addresses = status.get(kind) or []
    path = f"status.{kind}"
    texts = [one.get("ip", "") for one in addresses]
    found: list[FieldError] = []
    for at, text in enumerate(texts):
        found += ip.sloppy_errors(text, f"{path}[{at}]")
    if len(texts) < 2:
        return found
    parsed = [ip.parse(text) for text in texts]
    if None in parsed:
        bad = texts[parsed.index(None)]
        detail = f"failed to check for dual stack with error:invalid IP: {bad!r}".replace("'", '"')
        found.append(FieldError(path, "InternalError", f"Internal error: {detail}"))
    families = {len(one) for one in parsed if one is not None}
    if len(families) != 2 or len(texts) > 2:
        shown = structs.shown_list("IP", addresses)
        found.append(invalid(path, shown, "may specify no more than one IP for each IP family"))
    return found


def _users_errors(statuses: list[Object], spec: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    windows = (spec.get("os") or {}).get("name") == "windows"
    for at, one in enumerate(statuses):
        user = (one.get("user") or {}).get("linux")
        if user is None:
            continue
        where = f"{path}[{at}].user.linux"
        if windows:
            found.append(forbidden(where, "cannot be set for a windows pod"))
            continue
        numbers = [("uid", user.get("uid", 0)), ("gid", user.get("gid", 0))]
        groups = user.get("supplementalGroups") or ()
        numbers += [(f"supplementalGroups[{number}]", group) for number, group in enumerate(groups)]
        for name, number in numbers:
            if not 0 <= number <= INT32:
                found.append(invalid(f"{where}.{name}", number, names.range_error(0, INT32)))
    return found


STATUS = Subresource("status", prepare_update=_prepare, validate_update=_errors)
