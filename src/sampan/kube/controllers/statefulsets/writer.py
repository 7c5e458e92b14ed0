"""What is done for the pods and claims of a StatefulSet, with the events that tell of it."""

from collections.abc import Sequence

from sampan.errors import Conflict, SampanError
from sampan.kube.client.recorder import NORMAL, WARNING
from sampan.kube.client.requests import Object
from sampan.kube.client.resources import CLAIMS, PODS
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.podcontrol import slow_start
from sampan.kube.controllers.statefulsets.plan import Step
from sampan.specs.kubernetes.status import StatusError, is_already_there, is_gone

FAILURES = (StatusError, SampanError)


class Writer:
    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._recorder = context.recorder

    async def do(self, owner: Object, steps: Sequence[Step], together: bool) -> None:
        """In order, or in a slow start side by side; the first failure is raised and ends it."""
        if not together:
            for step in steps:
                await self._step(owner, step)
            return
        left = iter(steps)
        _, error = await slow_start(len(steps), lambda: self._step(owner, next(left)))
        if error is not None:
            raise error

    async def _step(self, owner: Object, step: Step) -> None:
        if step.delete:
            await self.delete(owner, step.pod)
            return
        try:
            await self._make_claims(owner, step)
        except FAILURES as error:
            if step.create or step.update is not None:
                self._tell_failure(owner, step.pod, "Create" if step.create else "Update", error)
            raise
        if step.create:
            await self._create(owner, step.pod)
        await self._own_claims(owner, step)
        if step.update is not None:
            await self._update(owner, step.update)

    async def _create(self, owner: Object, pod: Object) -> None:
        try:
            await self._client.create(PODS, _namespace(owner), pod)
        except FAILURES as error:
            # It is there: our view of the pods is behind, which is no news to anybody.
            if not is_already_there(error):
                self._tell_failure(owner, pod, "Create", error)
            raise
        self._tell(owner, pod, "Create")

    async def _update(self, owner: Object, pod: Object) -> None:
        try:
            await self._client.update(PODS, _namespace(owner), pod)
        except FAILURES as error:
            self._tell_failure(owner, pod, "Update", error)
            raise
        self._tell(owner, pod, "Update")

    async def delete(self, owner: Object, pod: Object) -> None:
        """This very pod; it is well if it has gone, or been followed by another one."""
        metadata = pod["metadata"]
        options = {"preconditions": {"uid": metadata["uid"]}}
        try:
            await self._client.delete(PODS, metadata["namespace"], metadata["name"], options)
        except FAILURES as error:
            if is_gone(error):
                return
            self._tell_failure(owner, pod, "Delete", error)
            raise
        self._tell(owner, pod, "Delete")

    async def _make_claims(self, owner: Object, step: Step) -> None:
        wrong = []
        for claim in step.claims:
            try:
                await self._make_claim(owner, step.pod, claim)
            except FAILURES as error:
                wrong.append(f"failed to create PVC {claim['metadata']['name']}: {error}")
        wrong += [f"pvc {name} is being deleted" for name in step.leaving]
        if wrong:
            raise Conflict(wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]")

    async def _make_claim(self, owner: Object, pod: Object, claim: Object) -> None:
        name, of = claim["metadata"]["name"], f"in StatefulSet {owner['metadata']['name']}"
        try:
            await self._client.create(CLAIMS, _namespace(owner), claim)
        except FAILURES as error:
            if not is_already_there(error):
                text = f"Create Claim {name} for Pod {pod['metadata']['name']} {of} failed error: {error}"
                self._recorder.event(owner, WARNING, "FailedCreate", text)
            raise
        text = f"Create Claim {name} Pod {pod['metadata']['name']} {of} success"
        self._recorder.event(owner, NORMAL, "SuccessfulCreate", text)

    async def _own_claims(self, owner: Object, step: Step) -> None:
        for name in step.contested:
            text = (
                f"PersistentVolumeClaim {name} has a conflicting OwnerReference that acts as a manging "
                "controller, the retention policy is ignored for this claim"
            )  # the letter is missing upstream too
            self._recorder.event(owner, WARNING, "ConflictingController", text)
        for claim, owners in step.owners:
            changed = {**claim, "metadata": {**claim["metadata"], "ownerReferences": owners}}
            try:
                await self._client.update(CLAIMS, _namespace(owner), changed)
            except FAILURES as error:
                self._tell_failure(owner, step.pod, "Update", error)
                raise

    def _tell(self, owner: Object, pod: Object, verb: str) -> None:
        text = f"{verb} Pod {pod['metadata']['name']} in StatefulSet {owner['metadata']['name']} successful"
        self._recorder.event(owner, NORMAL, f"Successful{verb}", text)

    def _tell_failure(self, owner: Object, pod: Object, verb: str, error: Exception) -> None:
        name = owner["metadata"]["name"]
        text = f"{verb} Pod {pod['metadata']['name']} in StatefulSet {name} failed error: {error}"
        self._recorder.event(owner, WARNING, f"Failed{verb}", text)


def _namespace(owner: Object) -> str:
    return str(owner["metadata"]["namespace"])
