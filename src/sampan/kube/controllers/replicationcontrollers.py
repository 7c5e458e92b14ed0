"""ReplicationControllers: ReplicaSets of 2014, whose selector is a map of labels."""

from sampan.kube.client.resources import REPLICATION_CONTROLLERS
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.replicasets.controller import Kind, Replicas
from sampan.specs.kubernetes.labels import from_object

REPLICATION_CONTROLLER = Kind(
    "ReplicationController",
    REPLICATION_CONTROLLERS,
    lambda value: from_object({"matchLabels": value["spec"].get("selector")}),
    tells_terminating=False,
)


def controller(context: Context) -> Controller:
    return Replicas(context, REPLICATION_CONTROLLER).controller
