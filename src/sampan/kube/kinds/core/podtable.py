"""What `kubectl get pods` shows; pkg/printers/internalversion of 1.35."""

from typing import Any

from sampan.kube.kinds.ages import age, seconds_of
from sampan.kube.kinds.resource import Column, Object

COLUMNS = (
    Column("Ready", description="The aggregate readiness state of this pod for accepting traffic."),
    Column("Status", description="The aggregate status of the containers in this pod."),
    Column(
        "Restarts",
        description="The number of times the containers in this pod have been restarted and when the last "
        "container in this pod has restarted.",
    ),
    Column("Age", describe="metadata.creationTimestamp"),
    Column("IP", describe="status.podIP", priority=1),
    Column("Node", describe="spec.nodeName", priority=1),
    Column("Nominated Node", describe="status.nominatedNodeName", priority=1),
    Column("Readiness Gates", describe="spec.readinessGates", priority=1),
)
_NONE = "<none>"
_FINISHED = ("Failed", "Succeeded")


class _Shown:
    """What is found out while the containers' states are gone through."""

    __slots__ = ("last", "ready", "reason", "restarts")

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.ready = 0
        self.restarts = 0
        self.last = ""  # when a container last ended before it was restarted

    def count(self, status: Object) -> None:
        self.restarts += status.get("restartCount", 0)
        ended = ((status.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or ""
        if ended and (not self.last or seconds_of(ended) > seconds_of(self.last)):
            self.last = ended


def cells(pod: Object, now: float) -> list[Any]:
    meta, spec, status = (pod.get(key) or {} for key in ("metadata", "spec", "status"))
    initial = {one.get("name", ""): one for one in spec.get("initContainers") or ()}
    sidecars = {name for name, one in initial.items() if one.get("restartPolicy") == "Always"}
    shown = _states(status, sidecars, len(initial))
    total = len(spec.get("containers") or ()) + len(sidecars)
    restarts = str(shown.restarts)
    if shown.restarts and shown.last:
        restarts = f"{restarts} ({age(shown.last, now)} ago)"
    addresses = status.get("podIPs") or [{}]
    return [
        f"{shown.ready}/{total}",
        _reason(meta, status, shown.reason),
        restarts,
        age(meta.get("creationTimestamp"), now),
        addresses[0].get("ip") or _NONE,
        spec.get("nodeName") or _NONE,
        status.get("nominatedNodeName") or _NONE,
        _gates(spec, status),
    ]


def _states(status: Object, sidecars: set[str], initial: int) -> _Shown:
    reason = status.get("reason") or status.get("phase", "")
    conditions = status.get("conditions") or ()
    if any(_is(one, "PodScheduled", reason="SchedulingGated") for one in conditions):
        reason = "SchedulingGated"
    before = _Shown(reason)
    beside = _Shown(reason)  # restarts of sidecars alone
    initializing = _initial_states(status, sidecars, initial, before, beside)
    if initializing and not any(_is(one, "Initialized", status="True") for one in conditions):
        return before
    beside.reason, beside.ready = before.reason, before.ready
    _container_states(status, beside)
    return beside


def _is(condition: Object, type_: str, *, status: str = "", reason: str = "") -> bool:
    if condition.get("type") != type_:
        return False
    return condition.get("status") == status if status else condition.get("reason") == reason


def _initial_states(status: Object, sidecars: set[str], initial: int, shown: _Shown, beside: _Shown) -> bool:
    """Is one of the init containers still to end, or has failed?"""
    for at, one in enumerate(status.get("initContainerStatuses") or ()):
        shown.count(one)
        state = one.get("state") or {}
        ended, waiting = state.get("terminated"), (state.get("waiting") or {}).get("reason", "")
        sidecar = one.get("name", "") in sidecars
        if sidecar:
            beside.count(one)
        if ended is not None and not ended.get("exitCode"):
            continue
        if sidecar and one.get("started"):
            shown.ready += bool(one.get("ready"))
            continue
        if ended is not None:
            shown.reason = f"Init:{_end(ended)}"
        elif waiting and waiting != "PodInitializing":
            shown.reason = f"Init:{waiting}"
        else:
            shown.reason = f"Init:{at}/{initial}"
        return True
    return False


def _end(ended: Object) -> str:
    if reason := ended.get("reason"):
        return str(reason)
    if ended.get("signal"):
        return f"Signal:{ended['signal']}"
    return f"ExitCode:{ended.get('exitCode', 0)}"


def _container_states(status: Object, shown: _Shown) -> None:
    running = False
    for one in reversed(status.get("containerStatuses") or ()):
        shown.count(one)
        state = one.get("state") or {}
        if waiting := (state.get("waiting") or {}).get("reason"):
            shown.reason = waiting
        elif state.get("terminated") is not None:
            shown.reason = _end(state["terminated"])
        elif one.get("ready") and state.get("running") is not None:
            running = True
            shown.ready += 1
    if shown.reason == "Completed" and running:
        ready = any(_is(one, "Ready", status="True") for one in status.get("conditions") or ())
        shown.reason = "Running" if ready else "NotReady"


def _reason(meta: Object, status: Object, reason: str) -> str:
    if not meta.get("deletionTimestamp"):
        return reason
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return reason if status.get("phase") in _FINISHED else "Terminating"


def _gates(spec: Object, status: Object) -> str:
    gates = spec.get("readinessGates") or ()
    if not gates:
        return _NONE
    first: dict[str, str] = {}
    for one in status.get("conditions") or ():
        first.setdefault(one.get("type", ""), one.get("status", ""))
    return f"{sum(first.get(gate.get('conditionType', '')) == 'True' for gate in gates)}/{len(gates)}"


def row_conditions(pod: Object) -> list[Object]:
    """A row's own conditions, by which kubectl can leave out what has ended."""
    phase = (pod.get("status") or {}).get("phase")
    if phase == "Succeeded":
        message = "The pod has completed successfully."
    elif phase == "Failed":
        message = "The pod failed."
    else:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": message}]
