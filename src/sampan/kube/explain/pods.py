"""Why a pod is pending, crashing, not ready, unreachable or not going away. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sampan.kube.client.requests import Object
from sampan.kube.explain.explanation import Explanation, Seen, removal
from sampan.specs.kubernetes.labels import from_object
from sampan.specs.kubernetes.objects import condition, is_true, labels_of
from sampan.specs.kubernetes.pods import is_ready, phase
from sampan.specs.kubernetes.time import seconds

SCHEDULER = "kube-scheduler"
REGISTRY = "check the image's name, and that its registry can be reached with the pull secrets given"
ADVICE = {
    "CrashLoopBackOff": "look at what it said: kubectl logs {name} -c {container} --previous",
    "ErrImagePull": REGISTRY,
    "ImagePullBackOff": REGISTRY,
    "ErrImageNeverPull": "bring the image to the node, or allow pulling it (imagePullPolicy)",
    "InvalidImageName": "correct the image's name",
    "CreateContainerConfigError": "make the ConfigMap or Secret that it names, or mark it as optional",
    "CreateContainerError": "correct what the message names",
    "RunContainerError": "correct the command, or what the message names",
}


def explain(seen: Seen) -> Explanation:
    """The first rule that knows an answer gives it."""
    for rule in RULES:
        found = rule(seen)
        if found is not None:
            return found
    return seen.because(
        phase(seen.value) or "Unknown", "nothing is known to stand in its way", also=seen.warnings()
    )


def _going(seen: Seen) -> Explanation | None:
    metadata = seen.value["metadata"]
    if not metadata.get("deletionTimestamp"):
        return None
    held = removal(seen)
    if held is not None:
        return held
    node = seen.spec.get("nodeName")
    end = seconds(metadata["deletionTimestamp"]) or 0.0
    if not node:
        return seen.because("Terminating", "it is about to go: no node has it")
    found = next((one for one in seen.near("nodes") if one["metadata"]["name"] == node), None)
    force = (
        f"kubectl delete pod {metadata['name']} --force --grace-period=0, if its containers surely do not run"
    )
    if found is None and "nodes" in seen.unseen:
        return seen.because(
            "Terminating", f"its node {node} has not told that it has ended", (), seen.warnings()
        )
    if found is None:
        return seen.because(
            "Terminating", f"its node {node} is gone, so nobody tells that it has ended", [force]
        )
    if not _is_up(found):
        why = f"its node {node} is not ready, so nobody tells that it has ended"
        return seen.because(
            "Terminating", why, [f"bring {node} back, or delete it if it is gone for good", force]
        )
    if seen.now < end:
        return seen.because("Terminating", f"its grace period has {end - seen.now:.0f} s left")
    return seen.because(
        "Terminating", f"the node agent of {node} has not confirmed its end", [force], seen.warnings()
    )


def _is_up(node: Object) -> bool:
    return is_true(node, "Ready")


def _gated(seen: Seen) -> Explanation | None:
    gates = [str(one.get("name")) for one in seen.spec.get("schedulingGates") or ()]
    if not gates:
        return None
    return seen.because(
        "SchedulingGated",
        f"scheduling gate {gates[0]} holds it back"
        if len(gates) == 1
        else f"scheduling gates hold it back: {gates}",
        [f"{gate}: to be removed by whoever has set it" for gate in gates],
    )


def _unscheduled(seen: Seen) -> Explanation | None:
    if seen.spec.get("nodeName") or phase(seen.value) != "Pending":
        return None
    decided = seen.decided(SCHEDULER)
    if decided is not None:
        unblock = [one for one in (decided.get("unblock") or "").split("\n") if one]
        return seen.because("Pending", decided["message"], unblock, _per_filter(decided))
    told = condition(seen.value, "PodScheduled") or {}
    if told.get("status") == "False":
        return seen.because("Pending", told.get("message") or told.get("reason") or "it was not scheduled")
    wanted = seen.spec.get("schedulerName") or "default-scheduler"
    if seen.status.get("nominatedNodeName"):
        node = seen.status["nominatedNodeName"]
        return seen.because(
            "Pending", f"pods of lower priority are being ended on {node} to make room for it"
        )
    return seen.because(
        "Pending",
        f"no scheduler has looked at it yet; it asks for {wanted}",
        [f"see that a scheduler of the name {wanted} runs"],
    )


def _per_filter(decided: Mapping[str, Any]) -> list[str]:
    """What each filter said of which nodes, as the scheduler has noted it."""
    lines = []
    for one in (decided.get("facts") or {}).get("filters") or ():
        nodes = list(one["nodes"])
        named = ", ".join([*nodes, "..."] if one["count"] > len(nodes) else nodes)
        lines.append(f"{one['plugin']}: {one['text']} ({one['count']} nodes: {named})")
    return lines


def _ended(seen: Seen) -> Explanation | None:
    if phase(seen.value) == "Succeeded":
        return seen.because("Succeeded", "all its containers have ended well")
    if phase(seen.value) != "Failed":
        return None
    reason, message = seen.status.get("reason"), seen.status.get("message")
    if reason or message:
        return seen.because("Failed", ": ".join(one for one in (reason, message) if one))
    for one in _containers(seen):
        ended = (one.get("state") or {}).get("terminated") or {}
        if ended.get("exitCode"):
            return seen.because(
                "Failed", f"container {one['name']} {_end(ended)}", [_logs(seen, one["name"])]
            )
    return seen.because("Failed", "its containers have ended, and are not to be started again")


def _containers(seen: Seen) -> Sequence[Object]:
    return [*(seen.status.get("initContainerStatuses") or ()), *(seen.status.get("containerStatuses") or ())]


def _end(ended: Object) -> str:
    if ended.get("reason") == "OOMKilled":
        return "was killed because it used more memory than its limit"
    reason = f" ({ended['reason']})" if ended.get("reason") not in (None, "Error", "Completed") else ""
    if ended.get("signal"):
        return f"was ended by signal {ended['signal']}{reason}"
    return f"ended with exit code {ended.get('exitCode')}{reason}"


def _logs(seen: Seen, container: str) -> str:
    return f"look at what it said: kubectl logs {seen.value['metadata']['name']} -c {container}"


def _waiting(seen: Seen) -> Explanation | None:
    name = seen.value["metadata"]["name"]
    for one in _containers(seen):
        waiting = (one.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason") or ""
        if not reason or reason in ("PodInitializing", "ContainerCreating"):
            continue
        unblock = [ADVICE[reason].format(name=name, container=one["name"])] if reason in ADVICE else []
        last = (one.get("lastState") or {}).get("terminated")
        if last:
            if last.get("reason") == "OOMKilled":
                unblock.append(f"give container {one['name']} a higher limits.memory")
            because = (
                f"container {one['name']} {_end(last)}, and was restarted {one.get('restartCount', 0)} times"
            )
        else:
            because = f"container {one['name']}: {waiting.get('message') or reason}"
        return seen.because(reason, because, unblock, seen.warnings())
    return None


def _starting(seen: Seen) -> Explanation | None:
    if phase(seen.value) != "Pending":
        return None
    node = seen.spec.get("nodeName")
    found = next((one for one in seen.near("nodes") if one["metadata"]["name"] == node), None)
    if found is None and "nodes" not in seen.unseen:
        return seen.because("Pending", f"it is bound to the node {node}, which does not exist")
    if found is not None and labels_of(found).get("sampan.dev/fake") == "true":
        return seen.because("Pending", f"its node {node} is a fake one: nothing ever runs there")
    if found is not None and not _is_up(found):
        return seen.because("Pending", f"its node {node} is not ready", [f"sampan explain node {node}"])
    stuck = seen.last_event("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "Failed")
    if stuck is not None:
        return seen.because("Pending", f"{stuck['reason']}: {stuck['message']}", also=seen.warnings())
    init = next(
        (
            one
            for one in seen.status.get("initContainerStatuses") or ()
            if "running" in (one.get("state") or {})
        ),
        None,
    )
    if init is not None:
        return seen.because(
            "Pending", f"its init container {init['name']} has not ended yet", [_logs(seen, init["name"])]
        )
    return seen.because("Pending", f"the node agent of {node} is starting it", also=seen.warnings())


def _unready(seen: Seen) -> Explanation | None:
    if phase(seen.value) != "Running" or is_ready(seen.value):
        return None
    for gate in seen.spec.get("readinessGates") or ():
        told = condition(seen.value, gate.get("conditionType", ""))
        if (told or {}).get("status") != "True":
            return seen.because(
                "NotReady",
                f"its readiness gate {gate.get('conditionType')} is not True",
                ["whoever looks after that condition must set it"],
            )
    probe = seen.last_event("Unhealthy")
    for one in _containers(seen):
        if "running" in (one.get("state") or {}) and not one.get("ready"):
            what = probe["message"] if probe is not None else "its readiness probe has not succeeded yet"
            return seen.because("NotReady", f"container {one['name']}: {what}", [_logs(seen, one["name"])])
        ended = (one.get("state") or {}).get("terminated")
        if ended and ended.get("exitCode"):
            return seen.because(
                "NotReady", f"container {one['name']} {_end(ended)}", [_logs(seen, one["name"])]
            )
    told = condition(seen.value, "Ready") or {}
    return seen.because("NotReady", told.get("message") or "it has not been ready yet", also=seen.warnings())


def _running(seen: Seen) -> Explanation | None:
    """It runs; can it be reached by a Service?"""
    if phase(seen.value) != "Running":
        return None
    labels = labels_of(seen.value)
    names = {port.get("name") for one in seen.spec.get("containers") or () for port in one.get("ports") or ()}
    lines = []
    for service in seen.near("services"):
        spec = service.get("spec") or {}
        if not spec.get("selector") or not from_object({"matchLabels": spec["selector"]}).matches(labels):
            continue
        lost = [
            str(port["targetPort"])
            for port in spec.get("ports") or ()
            if isinstance(port.get("targetPort"), str) and port["targetPort"] not in names
        ]
        name = service["metadata"]["name"]
        if lost:
            because = f"Service {name} sends to the port {lost[0]!r}, which no container of the pod names"
            return seen.because("Unreachable", because, ["name the port in the container, or use its number"])
        lines.append(f"Service {name} sends to it")
    if not lines and "services" not in seen.unseen:
        lines.append("no Service selects it")
    return seen.because("Running", "it runs and is ready", also=lines)


RULES: tuple[Callable[[Seen], Explanation | None], ...] = (
    _going,
    _gated,
    _unscheduled,
    _ended,
    _waiting,
    _starting,
    _unready,
    _running,
)
