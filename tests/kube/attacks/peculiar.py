"""Objects that the API takes and that controllers would rather not see, each with what is made of its status."""

from typing import Any

Object = dict[str, Any]

MOST = (1 << 31) - 1
EPOCHS = ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")
GARBAGE = {
    "deployment.kubernetes.io/revision": "9" * 400,
    "deployment.kubernetes.io/revision-history": ",,x,-1," + "9" * 50,
    "deployment.kubernetes.io/desired-replicas": "1e9",
    "deployment.kubernetes.io/max-replicas": "-5",
    "batch.kubernetes.io/job-completion-index": "9" * 30,
    "kubernetes.io/service-account.name": "../kube-system/default",
    "volume.kubernetes.io/selected-node": "..",
    "pv.kubernetes.io/bind-completed": "",
    "sampan.dev/roll-on-change": "true",
    "sampan.dev/configuration-seen": ":,a:b:c,,secrets/x:" + "f" * 3000,
}
LABELS = {
    "app": "x",
    "pod-template-hash": "5d" * 31,
    "controller-revision-hash": "",
    "apps.kubernetes.io/pod-index": "9" * 20,
    "batch.kubernetes.io/job-name": "job",
    "topology.kubernetes.io/zone": "",
}


def template(restart: str = "Always", **spec: Any) -> Object:
    containers = [{"name": "c", "image": "i"}]
    return {
        "metadata": {"labels": {"app": "x"}, "annotations": GARBAGE},
        "spec": {"containers": containers, "restartPolicy": restart, **spec},
    }


def _selecting(**spec: Any) -> Object:
    return {"selector": {"matchLabels": {"app": "x"}}, "template": template(), **spec}


def _condition(at: str, **more: str) -> Object:
    return {"conditions": [{"type": "Progressing", "status": "True", "lastUpdateTime": at, **more}]}


def _job(**spec: Any) -> Object:
    return {"template": template("Never"), **spec}


def _cron(schedule: str, **spec: Any) -> Object:
    return {"schedule": schedule, "jobTemplate": {"spec": _job()}, **spec}


# group and version, plural, name, what else it has, its status
ODDITIES: tuple[tuple[str, str, str, Object, Object], ...] = (
    ("apps/v1", "deployments", "garbage", {"spec": _selecting(replicas=2)}, _condition(EPOCHS[0])),
    ("apps/v1", "deployments", "d" * 253, {"spec": _selecting()}, _condition(EPOCHS[1])),
    ("apps/v1", "replicasets", "r" * 253, {"spec": _selecting()}, {"replicas": MOST}),
    ("apps/v1", "statefulsets", "s" * 63, {"spec": _selecting(serviceName="x")}, {"replicas": MOST}),
    ("apps/v1", "daemonsets", "e" * 253, {"spec": _selecting()}, {"collisionCount": MOST}),
    (
        *("apps/v1", "statefulsets", "billions"),
        {"spec": _selecting(replicas=MOST, serviceName="x", ordinals={"start": MOST - 1})},
        {"replicas": 0, "currentRevision": "../../x", "updateRevision": "y", "collisionCount": MOST},
    ),
    (
        *("apps/v1", "statefulsets", "far"),
        {"spec": {**_selecting(serviceName="x", podManagementPolicy="Parallel"), "replicas": 0}},
        {"replicas": MOST, "currentReplicas": MOST},
    ),
    (
        *("batch/v1", "jobs", "million"),
        {"spec": _job(completionMode="Indexed", completions=100_000, parallelism=3, backoffLimit=MOST)},
        {"completedIndexes": "5-9,100-99999", "failed": MOST, "startTime": EPOCHS[0]},
    ),
    (
        *("batch/v1", "jobs", "waits"),
        {"spec": _job(suspend=True, ttlSecondsAfterFinished=MOST, activeDeadlineSeconds=1 << 62)},
        {"startTime": EPOCHS[1], "uncountedTerminatedPods": {"succeeded": ["a"], "failed": ["b"]}},
    ),
    ("batch/v1", "cronjobs", "never", {"spec": _cron("0 0 30 2 *")}, {"lastScheduleTime": EPOCHS[0]}),
    (
        *("batch/v1", "cronjobs", "k" * 52),
        {"spec": _cron("0 2 29 2 *", timeZone="Pacific/Apia", startingDeadlineSeconds=1 << 62)},
        {"lastScheduleTime": EPOCHS[1], "active": [{}, {"name": "../x", "namespace": "kube-system"}]},
    ),
    ("policy/v1", "poddisruptionbudgets", "all", {"spec": {"selector": {}, "minAvailable": "100%"}}, {}),
    ("policy/v1", "poddisruptionbudgets", "more", {"spec": {"selector": {}, "minAvailable": MOST}}, {}),
    (
        *("v1", "pods", "many"),
        {"spec": {"containers": [{"name": f"c{at}", "image": "i"} for at in range(1000)]}},
        {"phase": "Garbage", "startTime": EPOCHS[1], "conditions": [{"type": "Ready", "status": "True"}]},
    ),
    (
        *("v1", "pods", "world"),
        {
            "spec": {
                **template()["spec"],
                "priority": None,
                "affinity": {
                    "podAntiAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": [
                            {"labelSelector": {}, "topologyKey": "zzz", "namespaceSelector": {}}
                        ]
                    }
                },
                "topologySpreadConstraints": [
                    {"maxSkew": MOST, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}
                ],
            }
        },
        {"phase": "Failed", "conditions": [{"type": "a", "status": "b", "lastTransitionTime": EPOCHS[0]}]},
    ),
    (
        *("v1", "pods", "huge"),
        {
            "spec": {
                "containers": [
                    {"name": "c", "image": "i", "resources": {"requests": {"cpu": "1E", "memory": "9" * 18}}}
                ]
            }
        },
        {"phase": "Succeeded"},
    ),
    (
        *("v1", "persistentvolumeclaims", "claim"),
        {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1E"}}}},
        {"phase": "Bound", "conditions": [{"type": "", "status": ""}]},
    ),
    ("v1", "secrets", "stolen", {"type": "kubernetes.io/service-account-token"}, {}),
    ("v1", "services", "svc", {"spec": {"selector": {"app": "x"}, "ports": [{"port": 1}]}}, {}),
)


def made(name: str, more: Object) -> Object:
    return {"metadata": {"name": name, "labels": LABELS, "annotations": GARBAGE}, **more}
