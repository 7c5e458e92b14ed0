"""What is to be done for a Deployment, as things are. Pure; upstream's syncDeployment"""

from sampan.kube.client.recorder import NORMAL, WARNING
from sampan.kube.client.requests import Object
from sampan.kube.controllers.deployments import history, scaling, sets, status
from sampan.kube.controllers.deployments.draft import Draft, Plan, View
from sampan.kube.controllers.deployments.recreating import recreate
from sampan.kube.controllers.deployments.rolling import roll
from sampan.kube.controllers.events import Event
from sampan.specs.kubernetes.labelselector import is_empty
from sampan.specs.kubernetes.objects import annotations_of, is_going

SELECTS_ALL = "This deployment is selecting all pods. A non-empty selector is required."


def plan(view: View) -> Plan:
    """Each plan is one step; what comes of it is seen, and the next one made."""
    deployment = view.deployment
    if is_empty(deployment["spec"].get("selector") or {}):
        return _refused(deployment)
    new = sets.newest(deployment, view.sets)
    draft = Draft(view, deployment, new, sets.older(view.sets, new))
    if is_going(deployment):
        draft.keep_new()
        return draft.plan(rollout=False)
    pausing = status.pausing(deployment, view.now)
    if pausing is not None:
        draft.tell(pausing)
    draft.keep_new()
    if deployment["spec"].get("paused"):
        return _resized(draft)
    if history.rollback_to(deployment) is not None:
        return _rolled_back(draft)
    if scaling.is_scaled(deployment, view.sets):
        return _resized(draft)
    if scaling.rolls(deployment):
        roll(draft)
    else:
        recreate(draft)
    return draft.plan(rollout=True)


def _refused(deployment: Object) -> Plan:
    own = {
        **(deployment.get("status") or {}),
        "observedGeneration": deployment["metadata"].get("generation", 0),
    }
    event = Event(WARNING, "SelectingAll", SELECTS_ALL)
    waits = ("SelectingAll", SELECTS_ALL, "give it a selector")
    return Plan((), {**deployment, "status": own}, (event,), waits=waits)


def _resized(draft: Draft) -> Plan:
    for one, size in scaling.sizes(draft.deployment, draft.new, draft.old):
        draft.resize(one, size)
    if draft.deployment["spec"].get("paused") and history.rollback_to(draft.deployment) is None:
        draft.clean_up()
    return draft.plan(rollout=False)


def _rolled_back(draft: Draft) -> Plan:
    """The template of a revision again; the Deployment without the annotation that asked for it."""
    deployment = draft.deployment
    draft.need_new()
    everything = sets.together(draft.old, draft.new)
    wanted = history.rollback_to(deployment)
    if not wanted:
        wanted = history.last_revision(everything)
    found = next((one for one in everything if wanted and history.revision(one) == wanted), None)
    name = deployment["metadata"]["name"]
    if found is None:
        message = "Unable to find the revision to rollback to." if wanted else "Unable to find last revision."
        event = Event(WARNING, "DeploymentRollbackRevisionNotFound", message)
    elif sets.same_template(deployment["spec"]["template"], found["spec"]["template"]):
        message = f'The rollback revision contains the same template as current deployment "{name}"'
        event = Event(WARNING, "DeploymentRollbackTemplateUnchanged", message)
    else:
        deployment = history.restored(deployment, sets.without_hash(found["spec"]["template"]), found)
        event = Event(NORMAL, "DeploymentRollback", f'Rolled back deployment "{name}" to revision {wanted}')
    annotations = {
        key: value for key, value in annotations_of(deployment).items() if key != history.ROLLBACK_TO
    }
    deployment = {**deployment, "metadata": {**deployment["metadata"], "annotations": annotations}}
    return Plan(tuple(draft.writes.values()), deployment, (event,), restored=True)


def failed(deployment: Object, name: str, error: str, now: float) -> tuple[Object, Event]:
    """The status and event of a Deployment whose new set cannot be created."""
    message = f'Failed to create new replica set "{name}": {error}'
    known = deployment.get("status") or {}
    if status.has_deadline(deployment):
        row = (status.PROGRESSING, "False", status.CREATE_ERROR, message)
        known = status.with_condition(known, status.condition(*row, now))
    return {**deployment, "status": known}, Event(WARNING, status.CREATE_ERROR, message)


def collided(deployment: Object) -> Object:
    """A Deployment whose set is to have another name, since this one belongs to something else."""
    known = deployment.get("status") or {}
    return {**deployment, "status": {**known, "collisionCount": (known.get("collisionCount") or 0) + 1}}
