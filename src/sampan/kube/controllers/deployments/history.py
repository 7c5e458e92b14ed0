"""The revisions of a Deployment: their numbers, what is kept of them, going back to one. Pure."""

from collections.abc import Sequence

from sampan.kube.client.requests import Object
from sampan.kube.controllers.deployments.scaling import size_annotations
from sampan.kube.controllers.deployments.sets import (
    DESIRED,
    HISTORY,
    LARGEST,
    MAXIMUM,
    REVISION,
    count,
    number,
    replicas,
)
from sampan.kube.controllers.rollonchange import SEEN
from sampan.specs.kubernetes.objects import annotations_of, is_going

# By which extensions/v1beta1 asked for a rollback, and apps/v1 still does.
ROLLBACK_TO = "deprecated.deployment.rollback.to"
LONGEST_HISTORY = 2000  # characters
_NOT_COPIED = frozenset(
    (
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        HISTORY,
        DESIRED,
        MAXIMUM,
        ROLLBACK_TO,
        SEEN,  # what the pods of today use, not those of a revision
    )
)


def revision(one: Object) -> int | None:
    """0 of a set without one, None of one whose annotation is no number."""
    text = annotations_of(one).get(REVISION)
    return 0 if text is None else number(text)


def next_revision(old: Sequence[Object]) -> int:
    return max([0, *(found for one in old if (found := revision(one)) is not None)]) + 1


def annotated(deployment: Object, new: Object, own: int, *, created: bool = False) -> dict[str, str]:
    """The annotations of the newest set: the Deployment's, its revision, and those it had before."""
    found = dict(annotations_of(new))
    for key, value in annotations_of(deployment).items():
        if key not in _NOT_COPIED:
            found[key] = value
    text = found.get(REVISION, "")
    before = number(text)
    if text and before is None:
        return found
    if (before or 0) < own:
        found[REVISION] = str(own)
        if REVISION in annotations_of(new):
            found.update(_remembered(found.get(HISTORY, ""), text))
    if created:
        found.update(size_annotations(deployment))
    return found


def _remembered(known: str, before: str) -> dict[str, str]:
    """The history with one more revision, and without the oldest ones where it gets too long."""
    history = [one for one in known.split(",") if one] + [before]
    while len(history) > 1 and len(",".join(history)) > LONGEST_HISTORY:
        del history[0]
    return {HISTORY: ",".join(history)}


def superfluous(deployment: Object, old: Sequence[Object]) -> list[Object]:
    """The old sets that are not kept: the oldest beyond the limit, if they have no pods."""
    limit = deployment["spec"].get("revisionHistoryLimit")
    if limit is None or limit == LARGEST:
        return []
    alive = sorted((one for one in old if not is_going(one)), key=_age)
    return [one for one in alive[: max(len(alive) - limit, 0)] if _is_idle(one)]


def _age(one: Object) -> tuple[int, str, str]:
    metadata = one["metadata"]
    return revision(one) or 0, metadata.get("creationTimestamp", ""), metadata["name"]


def _is_idle(one: Object) -> bool:
    observed = count(one, "observedGeneration") >= one["metadata"].get("generation", 0)
    return not replicas(one) and not count(one, "replicas") and observed


def rollback_to(deployment: Object) -> int | None:
    """The revision that an annotation asks for, 0 for the last one; None if it does not."""
    text = annotations_of(deployment).get(ROLLBACK_TO)
    return number(text) if text else None


def last_revision(sets: Sequence[Object]) -> int:
    """The one before the newest, or 0."""
    known = sorted((found for one in sets if (found := revision(one)) is not None), reverse=True)
    return known[1] if len(known) > 1 else 0


def restored(deployment: Object, template: Object, one: Object) -> Object:
    """A Deployment with a set's template and annotations again."""
    own = {key: value for key, value in annotations_of(deployment).items() if key in _NOT_COPIED}
    given = {key: value for key, value in annotations_of(one).items() if key not in _NOT_COPIED}
    metadata = {**deployment["metadata"], "annotations": {**own, **given}}
    return {**deployment, "metadata": metadata, "spec": {**deployment["spec"], "template": template}}
