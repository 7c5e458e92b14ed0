"""ComponentStatuses: what Kubernetes once said of its own parts. Nothing is kept of them."""

from sampan.kube.kinds.resource import Column, Object, Resource


def _cells(value: Object, _now: float) -> list[object]:
    healthy = [one for one in value.get("conditions") or () if one.get("type") == "Healthy"]
    if not healthy:
        return ["Unknown", "", ""]
    state = "Healthy" if healthy[0].get("status") == "True" else "Unhealthy"
    return [state, healthy[0].get("message", ""), healthy[0].get("error", "")]


RESOURCE = Resource(
    kind="ComponentStatus",
    plural="componentstatuses",
    namespaced=False,
    short_names=("cs",),
    verbs=("get", "list"),
    deprecated="v1 ComponentStatus is deprecated in v1.19+",
    columns=(
        Column("Status", description="Status of the component conditions"),
        Column("Message", description="Message of the component conditions"),
        Column("Error", description="Error of the component conditions"),
    ),
    cells=_cells,
)
