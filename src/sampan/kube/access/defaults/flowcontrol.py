"""The default flow schemas and priority levels: objects only, nothing is queued by them (inflight.py).

Kubernetes 1.35, staging/src/k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap.
"""

from collections.abc import Sequence

from sampan.kube.kinds.flowcontrol.mandatory import PRIORITY_LEVELS
from sampan.kube.kinds.resource import Object

GROUP = "flowcontrol.apiserver.k8s.io"
AUTO_UPDATE = "apf.kubernetes.io/autoupdate-spec"
MANDATORY = tuple(PRIORITY_LEVELS)

# Level -> shares, queues, hand size, percentage that may be lent.
_QUEUED = {
    "global-default": (20, 128, 6, 50),
    "leader-election": (10, 16, 4, 0),
    "node-high": (40, 64, 6, 25),
    "system": (30, 64, 6, 33),
    "workload-high": (40, 128, 6, 50),
    "workload-low": (100, 128, 6, 90),
}

_EVERYBODY = ("G system:unauthenticated", "G system:authenticated")
_CONTROLLERS = "U system:kube-controller-manager"
_SCHEDULER = "U system:kube-scheduler"
_KUBE_SYSTEM = "S kube-system"

# Schema, level, precedence, distinguisher, subjects; all of them are for every request but the last three.
_SCHEMAS = (
    ("exempt", "exempt", 1, "", ("G system:masters",)),
    ("kube-controller-manager", "workload-high", 800, "ByNamespace", (_CONTROLLERS,)),
    ("kube-scheduler", "workload-high", 800, "ByNamespace", (_SCHEDULER,)),
    ("kube-system-service-accounts", "workload-high", 900, "ByNamespace", (_KUBE_SYSTEM,)),
    ("system-nodes", "system", 500, "ByUser", ("G system:nodes",)),
    ("service-accounts", "workload-low", 9000, "ByUser", ("G system:serviceaccounts",)),
    ("global-default", "global-default", 9900, "ByUser", _EVERYBODY),
    ("catch-all", "catch-all", 10000, "ByUser", _EVERYBODY),
    ("probes", "exempt", 2, "", _EVERYBODY),
    ("system-leader-election", "leader-election", 100, "ByUser", (_CONTROLLERS, _SCHEDULER, _KUBE_SYSTEM)),
    ("system-node-high", "node-high", 400, "ByUser", ("G system:nodes",)),
)


def objects(now: str) -> list[tuple[str, Object]]:
    """All default levels and schemas; `now` is when their conditions became true (RFC 3339)."""
    levels = [
        *(_level(name, spec) for name, spec in PRIORITY_LEVELS.items()),
        *(_level(name, _queued(*figures)) for name, figures in _QUEUED.items()),
    ]
    schemas = [_schema(now, *row) for row in _SCHEMAS]
    return [(f"prioritylevelconfigurations.{GROUP}", level) for level in levels] + [
        (f"flowschemas.{GROUP}", schema) for schema in schemas
    ]


def _object(kind: str, name: str, spec: Object, status: Object) -> Object:
    metadata = {"name": name, "annotations": {AUTO_UPDATE: "true"}}
    return {"kind": kind, "apiVersion": f"{GROUP}/v1", "metadata": metadata, "spec": spec, "status": status}


def _level(name: str, spec: Object) -> Object:
    return _object("PriorityLevelConfiguration", name, spec, {})


def _queued(shares: int, queues: int, hand: int, lendable: int) -> Object:
    queuing = {"queues": queues, "handSize": hand, "queueLengthLimit": 50}
    response = {"type": "Queue", "queuing": queuing}
    limited = {"nominalConcurrencyShares": shares, "limitResponse": response, "lendablePercent": lendable}
    return {"type": "Limited", "limited": limited}


def _subject(text: str) -> Object:
    letter, name = text.split(" ")
    if letter == "S":
        return {"kind": "ServiceAccount", "serviceAccount": {"namespace": name, "name": "*"}}
    kind = {"U": "User", "G": "Group"}[letter]
    return {"kind": kind, kind.lower(): {"name": name}}


def _rule(verbs: Sequence[str], group: str, resources: Sequence[str], cluster: bool) -> Object:
    rule: Object = {"verbs": [*verbs], "apiGroups": [group], "resources": [*resources]}
    if cluster:
        rule["clusterScope"] = True
    return {**rule, "namespaces": ["*"]}


def _rules(name: str) -> Object:
    leases = ("coordination.k8s.io", ("leases",), False)
    if name == "probes":
        paths = ["/healthz", "/readyz", "/livez"]
        return {"nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": paths}]}
    if name == "system-leader-election":
        return {"resourceRules": [_rule(("get", "create", "update"), *leases)]}
    if name == "system-node-high":
        nodes = _rule("*", "", ("nodes", "nodes/status"), True)
        return {"resourceRules": [nodes, _rule("*", *leases)]}
    return {
        "resourceRules": [_rule("*", "*", "*", True)],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    }


def _schema(now: str, name: str, level: str, order: int, method: str, subjects: Sequence[str]) -> Object:
    spec: Object = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": order}
    if method:
        spec["distinguisherMethod"] = {"type": method}
    spec["rules"] = [{"subjects": [_subject(text) for text in subjects], **_rules(name)}]
    found = f'This FlowSchema references the PriorityLevelConfiguration object named "{level}" and it exists'
    condition = {"type": "Dangling", "status": "False", "lastTransitionTime": now, "reason": "Found"}
    return _object("FlowSchema", name, spec, {"conditions": [{**condition, "message": found}]})
