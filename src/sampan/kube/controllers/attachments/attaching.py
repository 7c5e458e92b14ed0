"""The loop: one node at a time, whenever its pods, their volumes or its attachments change."""

from collections.abc import Iterable

from sampan.kube.client.informer import key_of
from sampan.kube.client.informers import ON_NODE, node_of
from sampan.kube.client.recorder import NORMAL, WARNING
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import ATTACHMENTS, CLAIMS, CSI_DRIVERS, NODES, PODS, VOLUMES
from sampan.kube.controllers.attachments import rules
from sampan.kube.controllers.attachments.rules import Wanted
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.kube.controllers.volumes.controller import CLAIM_USERS
from sampan.specs.kubernetes.objects import is_going
from sampan.specs.kubernetes.podreferences import claim_keys
from sampan.specs.kubernetes.status import StatusError, is_already_there

OF_NODE, OF_VOLUME = "node", "volume"  # indexes of attachments
AGAIN = 5.0  # seconds until it is looked at whether a node has let go of a volume


class Attaching:
    def __init__(self, context: Context) -> None:
        self._context = context
        of = context.informers.of
        self._nodes, self._pods, self._claims = of(NODES), of(PODS), of(CLAIMS)
        self._volumes, self._drivers, self._attachments = of(VOLUMES), of(CSI_DRIVERS), of(ATTACHMENTS)
        self._pods.index(ON_NODE, node_of)
        self._pods.index(CLAIM_USERS, claim_keys)
        self._attachments.index(OF_NODE, _node_of_attachment)
        self._attachments.index(OF_VOLUME, lambda value: [rules.source_of(value)])
        self._leaving: dict[str, float] = {}  # attachments that are not wanted, and since when
        informers = [
            self._nodes,
            self._pods,
            self._claims,
            self._volumes,
            self._drivers,
            self._attachments,
        ]
        self.controller = Controller("attachments", self._reconcile, informers, workers=10)
        self.controller.watch(self._nodes)
        self.controller.watch(self._pods, lambda pod: node_of(pod) if any(claim_keys(pod)) else ())
        self.controller.watch(self._claims, self._nodes_of_claim)
        self.controller.watch(self._volumes, self._nodes_of_volume)
        self.controller.watch(self._drivers, lambda _: list(self._nodes.objects))
        self._attachments.on_change(self._attachment_changed)

    async def run(self) -> None:
        """Until cancelled."""
        await self.controller.run()

    # --- what happens

    def _nodes_of_claim(self, claim: Object) -> Iterable[str]:
        key = key_of(claim)
        return [name for pod in self._pods.by(CLAIM_USERS, key) for name in node_of(pod)]

    def _nodes_of_volume(self, volume: Object) -> Iterable[str]:
        claim = (volume.get("spec") or {}).get("claimRef") or {}
        key = f"{claim.get('namespace', '')}/{claim.get('name', '')}"
        return [name for pod in self._pods.by(CLAIM_USERS, key) for name in node_of(pod)]

    def _attachment_changed(self, what: str, value: Object, old: Object | None) -> None:
        for name in _node_of_attachment(value):
            self.controller.queue.add(name)
        if what == "delete":
            self._leaving.pop(value["metadata"]["name"], None)
            for name in self._nodes_of_volume(self._volumes.get(rules.source_of(value)) or {}):
                self.controller.queue.add(name)
        elif old is not None:
            self._tell(value, old)

    def _tell(self, value: Object, old: Object) -> None:
        """Of what the driver has done, to the pods that wait for it."""
        volume, name = rules.source_of(value), "".join(_node_of_attachment(value))
        error = rules.attach_error(value)
        if rules.is_attached(value) and not rules.is_attached(old):
            event = NORMAL, "SuccessfulAttachVolume", f'AttachVolume.Attach succeeded for volume "{volume}" '
        elif error and error != rules.attach_error(old):
            text = f'AttachVolume.Attach failed for volume "{volume}" : {error}'
            event = WARNING, "FailedAttachVolume", text
        else:
            return
        node = self._nodes.get(name)
        wanted = self._wanted(node) if node is not None else {}
        if value["metadata"]["name"] in wanted:
            for pod in wanted[value["metadata"]["name"]].pods:
                self._context.recorder.event(pod, *event)

    # --- one node

    def _wanted(self, node: Object) -> dict[str, Wanted]:
        pods = self._pods.by(ON_NODE, node["metadata"]["name"])
        return rules.wanted(node, pods, self._claims.get, self._volumes.get, self._drivers.get)

    async def _reconcile(self, name: str) -> float | None:
        node = self._nodes.get(name)
        wanted = self._wanted(node) if node is not None else {}
        have = {
            value["metadata"]["name"]: value
            for value in self._attachments.by(OF_NODE, name)
            if rules.is_ours(value, self._volumes.get(rules.source_of(value)))
        }
        unwanted = [value for key, value in have.items() if key not in wanted and not is_going(value)]
        now = self._context.clock()
        self._leaving = {key: since for key, since in self._leaving.items() if key not in wanted}
        for value in unwanted:
            self._leaving.setdefault(value["metadata"]["name"], now)
        if node is not None and rules.is_managed(node):
            await self._tell_node(node, have)
        waiting = [value for value in unwanted if not await self._detach(node, value, now)]
        conflicts = [one for key, one in wanted.items() if key not in have and not await self._attach(one)]
        return AGAIN if waiting or conflicts else None

    async def _detach(self, node: Object | None, value: Object, now: float) -> bool:
        volume = self._volumes.get(rules.source_of(value))
        source = rules.csi_of(volume) if volume is not None else None
        since = self._leaving.get(value["metadata"]["name"], now)
        if source is None or not rules.may_detach(node, rules.unique_name(*source), since, now):
            return False
        await self._context.client.discard(ATTACHMENTS, value)
        return True

    async def _attach(self, one: Wanted) -> bool:
        """False while another node has what only one may have."""
        others = [
            value
            for value in self._attachments.by(OF_VOLUME, one.volume["metadata"]["name"])
            if one.node not in _node_of_attachment(value)
        ]
        if others and rules.is_exclusive(one.volume):
            self._complain(one, others)
            return False
        for pod in one.pods:
            self._context.settle(pod)
        try:
            await self._context.client.create(ATTACHMENTS, "", one.attachment())
        except StatusError as error:
            if not is_already_there(error):
                raise
        return True

    def _complain(self, one: Wanted, others: list[Object]) -> None:
        claim = (one.volume["spec"].get("claimRef") or {}).get("name", "")
        namespace = one.pods[0]["metadata"]["namespace"]
        nodes = {name for value in others for name in _node_of_attachment(value)}
        users = [
            pod
            for pod in self._pods.by(CLAIM_USERS, f"{namespace}/{claim}")
            if nodes.intersection(node_of(pod))
        ]
        text = rules.conflict(one.volume, users, namespace)
        for pod in one.pods:
            self._context.recorder.event(pod, WARNING, "FailedAttachVolume", text)
            self._context.explain(pod, "FailedAttachVolume", text, "delete the pod that has it")

    async def _tell_node(self, node: Object, have: dict[str, Object]) -> None:
        """The kubelet mounts nothing that is not told of here; what is to go is taken out first."""
        pairs = [(value, self._volumes.get(rules.source_of(value)) or {}) for value in have.values()]
        told = rules.told(pairs, self._leaving)
        if told != ((node.get("status") or {}).get("volumesAttached") or []):
            patch = {
                "metadata": {"uid": node["metadata"]["uid"]},
                "status": {"volumesAttached": told or None},
            }
            await self._context.client.patch(NODES, "", node["metadata"]["name"], patch, subresource="status")


def _node_of_attachment(value: Object) -> list[str]:
    name = (value.get("spec") or {}).get("nodeName")
    return [name] if name else []
