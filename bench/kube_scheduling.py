"""How many pods a second the scheduler's vectors find a place for: no API, no queue, no binding.

    bench/kube_scheduling.py                        5,000 nodes in 10 zones, 3,000 pods of each kind
    bench/kube_scheduling.py --nodes 1000 --pods 500
    bench/kube_scheduling.py --profile spread       where the time of one kind goes

Each pod is read, judged, scored and placed on the best node, one after another; seconds are the processor's.
Kinds: simple pods of 50 templates; the same with a service each (spread by default); anti-affinity to
their own kind by node; hard spread by zone; preferred affinity; pods that fit nowhere. Nothing is asserted.
"""

import argparse
import cProfile
import os
import pstats
import random
import time
from collections.abc import Callable, Hashable, Iterable, Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from sampan.kube.client.requests import Object
from sampan.kube.scheduler.columns import Cluster
from sampan.kube.scheduler.evaluation import judge, score
from sampan.kube.scheduler.podinfo import pod_info
from sampan.kube.scheduler.profile import DEFAULT
from sampan.kube.scheduler.surroundings import SERVICES

TEMPLATES = 50
ZONE, HOSTNAME = "topology.kubernetes.io/zone", "kubernetes.io/hostname"


class Services:
    """One for each template."""

    def __init__(self) -> None:
        self._services = [{"spec": {"selector": {"app": f"app-{at}"}}} for at in range(TEMPLATES)]

    def get(self, resource: str, key: str) -> Object | None:
        return None

    def all(self, resource: str, namespace: str = "") -> Iterable[Object]:
        return self._services if resource == SERVICES and namespace == "served" else ()

    def version(self, resource: str) -> Hashable:
        return None


def node(number: int) -> Object:
    name = f"node-{number:05}"
    labels = {HOSTNAME: name, ZONE: f"zone-{number % 10}", "kubernetes.io/os": "linux"}
    allocatable = {"cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {},
        "status": {"allocatable": allocatable},
    }


def template(number: int, namespace: str, **spec: object) -> Object:
    requests = {"cpu": f"{50 + number}m", "memory": f"{64 + number}Mi"}
    container = {
        "name": "c",
        "image": f"registry.example/app-{number}:1",
        "resources": {"requests": requests},
    }
    return {
        "metadata": {"namespace": namespace, "labels": {"app": f"app-{number}"}},
        "spec": {"containers": [container], "schedulerName": "default-scheduler", "priority": 0, **spec},
    }


def own(number: int) -> Object:
    return {"matchLabels": {"app": f"app-{number}"}}


def apart(number: int) -> Object:
    term = {"labelSelector": own(number), "topologyKey": HOSTNAME}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def liking(number: int) -> Object:
    term = {"labelSelector": own((number + 1) % TEMPLATES), "topologyKey": ZONE}
    weighted = [{"weight": 10, "podAffinityTerm": term}]
    return {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": weighted}}


def spread(number: int) -> list[Object]:
    return [
        {
            "maxSkew": 5,
            "topologyKey": ZONE,
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": own(number),
        }
    ]


KINDS: dict[str, Callable[[int], Object]] = {
    "simple": lambda at: template(at, "simple"),
    "served": lambda at: template(at, "served"),
    "apart": lambda at: template(at, "apart", affinity=apart(at)),
    "spread": lambda at: template(at, "spread", topologySpreadConstraints=spread(at)),
    "liking": lambda at: template(at, "liking", affinity=liking(at)),
    "nowhere": lambda at: template(at, "nowhere", nodeSelector={"no": "such"}),
}


def pods(kind: str, number: int) -> Iterator[Object]:
    templates = [KINDS[kind](at) for at in range(TEMPLATES)]
    for at in range(number):
        made = templates[random.randrange(TEMPLATES)]
        metadata = {**made["metadata"], "name": f"{kind}-{at}", "uid": f"{kind}-{at}"}
        yield {"metadata": metadata, "spec": dict(made["spec"])}


def place(cluster: Cluster, pod: Object) -> bool:
    info = pod_info(pod)
    verdict = judge(cluster, info, DEFAULT)
    if not verdict.feasible.any():
        return False
    row = int(np.argmax(score(cluster, info, DEFAULT, verdict.feasible)))
    pod["spec"]["nodeName"] = cluster.node_name(row)
    cluster.put_pod(pod)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--pods", type=int, default=3000)
    parser.add_argument("--profile", choices=list(KINDS))
    options = parser.parse_args()
    random.seed(1)
    cluster = Cluster(Services())
    begun = time.process_time()
    for number in range(options.nodes):
        cluster.put_node(node(number))
    print(f"{options.nodes} nodes in {time.process_time() - begun:.2f} s")
    for kind in [options.profile] if options.profile else KINDS:
        waiting = list(pods(kind, options.pods))
        watch = cProfile.Profile()
        if options.profile:
            watch.enable()
        begun = time.process_time()
        placed = sum(place(cluster, pod) for pod in waiting)
        seconds = time.process_time() - begun
        watch.disable()
        print(f"{kind:8} {options.pods / seconds:8.0f} pods/s, {placed} placed")
        if options.profile:
            pstats.Stats(watch).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
