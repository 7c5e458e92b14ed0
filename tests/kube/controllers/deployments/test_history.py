"""Revisions: numbering, what is remembered, what is thrown away, going back."""

import pytest

from sampan.kube.client.recorder import NORMAL, WARNING
from sampan.kube.client.requests import Object
from sampan.kube.controllers.deployments.draft import View, new_set
from sampan.kube.controllers.deployments.history import (
    ROLLBACK_TO,
    annotated,
    next_revision,
    superfluous,
)
from sampan.kube.controllers.deployments.plan import collided, failed, plan
from sampan.kube.controllers.deployments.sets import HASH, HISTORY, REVISION

NOW = 1_800_000_000.0


def deployment(annotations: dict[str, str] | None = None, **spec: object) -> Object:
    metadata = {
        "name": "d",
        "namespace": "default",
        "uid": "d",
        "generation": 1,
        "annotations": annotations or {},
    }
    fixed = {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "x"}},
        "template": template("new"),
        "strategy": {"type": "Recreate"},
        "progressDeadlineSeconds": 600,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {**fixed, **spec},
        "status": {},
    }


def template(image: str) -> Object:
    return {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": image}]}}


def replica_set(name: str, revision: str | None, size: int = 0, image: str = "", **status: int) -> Object:
    annotations = {} if revision is None else {REVISION: revision}
    metadata = {"name": name, "namespace": "default", "uid": name, "annotations": annotations}
    metadata["generation"] = 1  # type: ignore[assignment]
    spec = {"replicas": size, "template": template(image or name)}
    return {"metadata": metadata, "spec": spec, "status": {"observedGeneration": 1, **status}}


def test_the_next_revision_follows_the_highest() -> None:
    assert next_revision([]) == 1
    sets = [replica_set("a", "3"), replica_set("b", "12"), replica_set("c", "x"), replica_set("d", None)]
    assert next_revision(sets) == 13


@pytest.mark.parametrize(
    "what, before, own, wanted",
    [
        ("a new one", {}, 1, {REVISION: "1"}),
        ("nothing changes", {REVISION: "2"}, 2, {REVISION: "2"}),
        ("never back", {REVISION: "5"}, 2, {REVISION: "5"}),
        ("by number, not by text", {REVISION: "9"}, 10, {REVISION: "10", HISTORY: "9"}),
        ("history grows", {REVISION: "4", HISTORY: "1,2"}, 6, {REVISION: "6", HISTORY: "1,2,4"}),
        ("what is no number stays", {REVISION: "x"}, 2, {REVISION: "x"}),
    ],
)
def test_the_newest_set_knows_its_revisions(
    what: str, before: dict[str, str], own: int, wanted: dict[str, str]
) -> None:
    one = {"metadata": {"name": "r", "annotations": before}}
    assert annotated(deployment(), one, own) == wanted, what


def test_the_deployments_annotations_are_copied_but_for_its_own() -> None:
    given = {
        "kubernetes.io/change-cause": "why",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        REVISION: "7",
        ROLLBACK_TO: "1",
    }
    found = annotated(deployment(given), {"metadata": {"name": "r"}}, 1, created=True)
    assert found == {
        "kubernetes.io/change-cause": "why",
        REVISION: "1",
        "deployment.kubernetes.io/desired-replicas": "1",
        "deployment.kubernetes.io/max-replicas": "1",
    }


def test_a_history_that_gets_too_long_loses_its_oldest() -> None:
    known = ",".join(str(number) for number in range(1000, 1400))  # 1999 characters
    one = {"metadata": {"name": "r", "annotations": {REVISION: "1400", HISTORY: known}}}
    history = annotated(deployment(), one, 1500)[HISTORY]
    assert len(history) <= 2000
    assert history.startswith("1001,")
    assert history.endswith(",1399,1400")


@pytest.mark.parametrize(
    "limit, gone",
    [(None, []), (2147483647, []), (10, []), (3, ["a"]), (1, ["a"]), (0, ["a", "e"])],
)
def test_the_oldest_idle_sets_are_thrown_away(limit: int | None, gone: list[str]) -> None:
    sets = [
        replica_set("e", "5"),
        replica_set("a", "1"),
        replica_set("b", "2", size=1),
        replica_set("c", "3", replicas=1),
    ]
    found = superfluous(deployment(revisionHistoryLimit=limit), sets)
    assert [one["metadata"]["name"] for one in found] == gone


def test_the_new_set_is_named_after_the_hash_and_selects_by_it() -> None:
    made = new_set(deployment())
    own = made["metadata"]["labels"][HASH]
    assert made["metadata"]["name"] == f"d-{own}"
    assert made["spec"]["selector"]["matchLabels"] == {"app": "x", HASH: own}
    assert made["spec"]["template"]["metadata"]["labels"] == {"app": "x", HASH: own}
    other = new_set(collided(deployment()))
    assert other["metadata"]["name"] != made["metadata"]["name"]


def test_a_long_name_is_cut_so_that_the_hash_fits() -> None:
    value = deployment()
    value["metadata"]["name"] = "a" * 253
    name = new_set(value)["metadata"]["name"]
    assert len(name) == 253
    assert name.startswith("aaa")
    assert name[-12:].count("-") == 1


SETS = [replica_set("old", "1"), replica_set("older", "2"), replica_set("now", "3", 1, "new")]


@pytest.mark.parametrize(
    "to, image, event",
    [
        ("1", "old", (NORMAL, "DeploymentRollback", 'Rolled back deployment "d" to revision 1')),
        ("0", "older", (NORMAL, "DeploymentRollback", 'Rolled back deployment "d" to revision 2')),
        (
            "9",
            "new",
            (WARNING, "DeploymentRollbackRevisionNotFound", "Unable to find the revision to rollback to."),
        ),
        (
            "3",
            "new",
            (
                WARNING,
                "DeploymentRollbackTemplateUnchanged",
                'The rollback revision contains the same template as current deployment "d"',
            ),
        ),
    ],
)
def test_a_rollback_restores_the_template(to: str, image: str, event: tuple[str, str, str]) -> None:
    found = plan(View(deployment({ROLLBACK_TO: to}), SETS, {}, NOW))
    assert found.restored
    assert found.deployment["spec"]["template"]["spec"]["containers"][0]["image"] == image
    assert ROLLBACK_TO not in found.deployment["metadata"]["annotations"]
    assert [(one.kind, one.reason, one.message) for one in found.events] == [event]


def test_a_rollback_to_what_is_no_number_is_none() -> None:
    assert not plan(View(deployment({ROLLBACK_TO: "x"}), SETS, {}, NOW)).restored


def test_what_selects_everything_is_not_rolled_out() -> None:
    found = plan(View(deployment(selector={}), [], {}, NOW))
    assert found.writes == ()
    assert found.deployment["status"] == {"observedGeneration": 1}
    assert [one.reason for one in found.events] == ["SelectingAll"]


def test_a_set_that_cannot_be_made_is_told_of() -> None:
    told, event = failed(deployment(), "d-x", "no", NOW)
    (condition,) = told["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("Progressing", "False")
    assert condition["reason"] == event.reason == "ReplicaSetCreateError"
    assert condition["message"] == event.message == 'Failed to create new replica set "d-x": no'
