"""What a controller is given."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sampan.kube.client.decisions import Decision, Decisions
from sampan.kube.client.informers import Informers
from sampan.kube.client.recorder import Recorder
from sampan.kube.client.requests import Client, Object


@dataclass(frozen=True)
class Options:
    """What the process's command line says of the cluster; files are read when they are needed."""

    bundle: str = ""  # PEM of the certificates that pods are to trust
    pki: Path | None = None  # the directory of the cluster's authorities; None: nothing is signed
    token_key: Path | None = None  # the file of the key that signs tokens; None: none are made
    cluster_cidrs: tuple[str, ...] = ()  # ranges that nodes get parts of; empty: they get none
    service_cidrs: tuple[str, ...] = ()
    node_masks: tuple[int, int] = (24, 64)  # lengths of a node's IPv4 and IPv6 ranges
    node_grace: float = 50.0  # seconds of silence after which a node is away
    node_startup_grace: float = 60.0  # the same of one that was never heard of
    terminated_pods: int = 12_500  # finished pods that are kept; 0: all


@dataclass(frozen=True)
class Context:
    """`client` acts as the controller's own service account; `informers` is the one cache of the process."""

    name: str  # as events and decisions name the controller
    client: Client
    informers: Informers
    recorder: Recorder
    decisions: Decisions
    clock: Callable[[], float]  # seconds since 1970
    options: Options

    def explain(self, value: Object, reason: str, message: str, unblock: str = "", **facts: object) -> None:
        """Keep why an object does not get on."""
        decision = Decision(self.name, reason, message, unblock, facts, self.clock())
        self.decisions.note(value["metadata"]["uid"], decision)

    def settle(self, value: Object) -> None:
        """Nothing stands in an object's way any more, as far as this controller knows."""
        self.decisions.settle(value["metadata"]["uid"], self.name)
