"""How important pods are: classes by name, and a number that only they decide.

Kubernetes: plugin/pkg/admission/priority.
"""

from sampan.kube.access.admission.refusing import is_of, refused
from sampan.kube.access.admission.request import AdmissionRequest, Plugin
from sampan.kube.kinds.resource import Object

CLASSES = "priorityclasses.scheduling.k8s.io"
SYSTEM = ("system-node-critical", "system-cluster-critical")
PREEMPT = "PreemptLowerPriority"


class Priority(Plugin):
    async def mutate(self, request: AdmissionRequest) -> None:
        if not is_of(request, "pods", "CREATE", "UPDATE") or request.object is None:
            return
        spec = request.object["spec"]
        if request.operation == "CREATE":
            self._give(request, spec)
        elif request.old is not None:
            for field in ("priority", "preemptionPolicy"):
                if field not in spec and field in request.old["spec"]:
                    spec[field] = request.old["spec"][field]

    def _give(self, request: AdmissionRequest, spec: Object) -> None:
        name, value, policy = _class(request, spec)
        if name:
            spec["priorityClassName"] = name
        given = spec.get("priority")
        if given is not None and given != value:
            raise refused(
                request,
                f"the integer value of priority ({given}) must not be provided in pod spec; "
                f"priority admission controller computed {value} from the given PriorityClass name",
            )
        spec["priority"] = value
        wanted = spec.get("preemptionPolicy")
        if wanted is not None and wanted != policy:
            raise refused(
                request,
                f"the string value of PreemptionPolicy ({wanted}) must not be provided in pod spec; "
                f"priority admission controller computed {policy} from the given PriorityClass name",
            )
        spec["preemptionPolicy"] = policy

    async def validate(self, request: AdmissionRequest) -> None:
        new = request.object
        if is_of(request, CLASSES, "DELETE") and request.name in SYSTEM:
            raise refused(request, "this is a system priority class and cannot be deleted")
        if not is_of(request, CLASSES, "CREATE", "UPDATE") or new is None or not new.get("globalDefault"):
            return
        default = _default(request)
        if default is not None and default["metadata"]["name"] != new["metadata"]["name"]:
            name = default["metadata"]["name"]
            why = f"PriorityClass {name} is already marked as default. Only one default can exist"
            raise refused(request, why)


def _class(request: AdmissionRequest, spec: Object) -> tuple[str, int, str]:
    """Its name, the number, and whether such pods preempt others."""
    name = spec.get("priorityClassName") or ""
    if name:
        found = request.reader.get(CLASSES, "", name)
        if found is None:
            raise refused(request, f"no PriorityClass with name {name} was found")
    else:
        found = _default(request)
        if found is None:
            return "", 0, PREEMPT
        name = found["metadata"]["name"]
    return name, found.get("value") or 0, found.get("preemptionPolicy") or PREEMPT


def _default(request: AdmissionRequest) -> Object | None:
    """The class for all pods without one; should there be several, the least."""
    defaults = [one for one in request.reader.list(CLASSES) if one.get("globalDefault")]
    return min(defaults, key=lambda one: one.get("value") or 0, default=None)
