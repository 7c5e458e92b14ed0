"""What a runtime needs besides its pods, and on which nodes it is. plugin/pkg/admission/runtimeclass"""

from typing import Any

from sampan.errors import Invalid
from sampan.kube.access.admission.refusing import is_of, refused
from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import quantity

CLASSES = "runtimeclasses.node.k8s.io"


class RuntimeClass(Plugin):
    async def mutate(self, request: AdmissionRequest) -> None:
        if not is_of(request, "pods", "CREATE") or request.object is None:
            return
        spec = request.object["spec"]
        found = _class(request, spec)
        if found is None:
            return
        overhead = (found.get("overhead") or {}).get("podFixed")
        if overhead is not None:
            given = spec.get("overhead")
            if given is not None and not _same(given, overhead):
                why = "Pod's Overhead doesn't match RuntimeClass's defined Overhead"
                raise refused(request, f"pod rejected: {why}")
            spec["overhead"] = dict(overhead)
        if found.get("scheduling"):
            _schedule(request, spec, found["scheduling"])

    async def validate(self, request: AdmissionRequest) -> None:
        if not is_of(request, "pods", "CREATE") or request.object is None:
            return
        spec = request.object["spec"]
        found = _class(request, spec)
        if spec.get("overhead") and not ((found or {}).get("overhead") or {}).get("podFixed"):
            why = "Pod Overhead set without corresponding RuntimeClass defined Overhead"
            raise refused(request, f"pod rejected: {why}")


def _class(request: AdmissionRequest, spec: Object) -> Object | None:
    name = spec.get("runtimeClassName")
    if name is None:
        return None
    found = request.reader.get(CLASSES, "", name)
    if found is None:
        raise refused(request, f"pod rejected: RuntimeClass {quote(name)} not found")
    return found


def _same(one: dict[str, str], other: dict[str, str]) -> bool:
    try:
        return one.keys() == other.keys() and all(
            quantity.parse(one[key]) == quantity.parse(other[key]) for key in one
        )
    except Invalid:
        return False


def _schedule(request: AdmissionRequest, spec: Object, scheduling: Object) -> None:
    selector = dict(spec.get("nodeSelector") or {})
    for key, value in sorted((scheduling.get("nodeSelector") or {}).items()):
        if selector.setdefault(key, value) != value:
            raise refused(
                request,
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {selector[key]}",
            )
    if selector:
        spec["nodeSelector"] = selector
    added = scheduling.get("tolerations")
    if added:
        spec["tolerations"] = _merged([*(spec.get("tolerations") or ()), *added])


def _merged(tolerations: list[Object]) -> list[Object]:
    """Without those that others include; pkg/util/tolerations MergeTolerations."""
    found: list[Object] = []
    for index, one in enumerate(tolerations):
        if any(_includes(other, one) for other in found):
            continue
        later = tolerations[index + 1 :]
        if not any(_includes(other, one) and not _includes(one, other) for other in later):
            found.append(dict(one))
    return found


def _includes(wide: Object, narrow: Object) -> bool:
    def of(value: Object, key: str, default: Any = "") -> Any:
        return value.get(key, default)

    if wide == narrow:
        return True
    if of(wide, "key") != of(narrow, "key") and (of(wide, "key") or of(wide, "operator") != "Exists"):
        return False
    if of(wide, "effect") not in ("", of(narrow, "effect")):
        return False
    if of(wide, "effect") == "NoExecute":
        seconds = of(wide, "tolerationSeconds", None)
        less = of(narrow, "tolerationSeconds", None)
        if seconds is not None and (less is None or max(less, 0) > max(seconds, 0)):
            return False
    if of(wide, "operator") in ("", "Equal"):
        return of(narrow, "operator") in ("", "Equal") and of(wide, "value") == of(narrow, "value")
    return bool(of(wide, "operator") == "Exists")
