"""Which volume a claim gets, and what becomes of both."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.controllers.volumes import expansion, matching, objects, protection, rules
from sampan.specs.kubernetes.volumes import BIND_COMPLETED, BY_CONTROLLER, SELECTED_NODE, bound_volume

RWO, RWX = "ReadWriteOnce", "ReadWriteMany"


def volume(name: str, size: str = "5Gi", *modes: str, phase: str = "Available", **spec: Any) -> Object:
    given = {
        "capacity": {"storage": size},
        "accessModes": list(modes or (RWO,)),
        "storageClassName": "fast",
        **spec,
    }
    return {"metadata": {"name": name, "uid": name}, "spec": given, "status": {"phase": phase}}


def claim(size: str = "3Gi", annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    given = {
        "resources": {"requests": {"storage": size}},
        "accessModes": [RWO],
        "storageClassName": "fast",
        **spec,
    }
    metadata = {
        "name": "c",
        "namespace": "n",
        "uid": "claim",
        "resourceVersion": "7",
        "annotations": annotations or {},
    }
    return {"metadata": metadata, "spec": given, "status": {"phase": "Pending"}}


def said(uid: str = "claim", name: str = "c") -> Object:
    found = {"namespace": "n", "name": name, "uid": uid}
    return {key: text for key, text in found.items() if text}


BEST: list[tuple[str, list[Object], Object, str]] = [
    (
        "the smallest that is large enough",
        [volume("a", "9Gi"), volume("b", "4Gi"), volume("c", "2Gi")],
        claim(),
        "b",
    ),
    ("before that, one that can no more", [volume("a", "4Gi", RWO, RWX), volume("b", "9Gi")], claim(), "b"),
    ("one that can more, if need be", [volume("a", "4Gi", RWO, RWX), volume("b", "1Gi")], claim(), "a"),
    ("one that is kept for it", [volume("a", "4Gi"), volume("b", "9Gi", claimRef=said(""))], claim(), "b"),
    ("not one that is kept for another", [volume("a", claimRef=said("", "d"))], claim(), ""),
    ("not of an earlier claim of that name", [volume("a", claimRef=said("old"))], claim(), ""),
    ("of its class", [volume("a", storageClassName="slow"), volume("b", "9Gi")], claim(), "b"),
    ("of no class", [volume("a"), volume("b", storageClassName="")], claim(storageClassName=""), "b"),
    ("by its labels", [volume("a")], claim(selector={"matchLabels": {"x": "y"}}), ""),
    ("a block device", [volume("a"), volume("b", volumeMode="Block")], claim(volumeMode="Block"), "b"),
    ("one that is free", [volume("a", phase="Released"), volume("b", phase="Pending")], claim(), ""),
]


@pytest.mark.parametrize(("_what", "volumes", "wanted", "name"), BEST, ids=[case[0] for case in BEST])
def test_a_claim_gets_the_best(_what: str, volumes: list[Object], wanted: Object, name: str) -> None:
    found = matching.best(volumes, wanted, waits=False)
    assert (found or {"metadata": {"name": ""}})["metadata"]["name"] == name


CLASSES = {
    "fast": {"metadata": {"name": "fast"}, "provisioner": "example.com/disks"},
    "later": {
        "metadata": {"name": "later"},
        "provisioner": "x.io/y",
        "volumeBindingMode": "WaitForFirstConsumer",
    },
    "local": {"metadata": {"name": "local"}, "provisioner": "kubernetes.io/no-provisioner"},
}
LOST = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
DONE = {BIND_COMPLETED: "yes"}
STEPS: list[tuple[str, Object, dict[str, Object], str, str, str]] = [
    ("bound, and its volume went", claim(annotations=DONE, volumeName="v"), {}, "Lost", "ClaimLost", LOST),
    (
        "bound, and its volume is another's",
        claim(annotations=DONE, volumeName="v"),
        {"v": volume("v", claimRef=said("other"))},
        "Lost",
        "ClaimMisbound",
        "Two claims are bound to the same volume, this one is bound incorrectly",
    ),
    ("the volume that it names is not there", claim(volumeName="v"), {}, "Pending", "", ""),
    (
        "is too small",
        claim(volumeName="v"),
        {"v": volume("v", "1Gi")},
        "Pending",
        "VolumeMismatch",
        'Cannot bind to requested volume "v": requested PV is too small',
    ),
    (
        "is another's",
        claim(volumeName="v"),
        {"v": volume("v", claimRef=said("other", "d"))},
        "Pending",
        "FailedBinding",
        'volume "v" already bound to a different claim.',
    ),
    (
        "no class, and none to be had",
        claim(storageClassName=""),
        {},
        "Pending",
        "FailedBinding",
        "no persistent volumes available for this claim and no storage class is set",
    ),
    (
        "a class that is not there",
        claim(storageClassName="nix"),
        {},
        "Pending",
        "ProvisioningFailed",
        'storageclass.storage.k8s.io "nix" not found',
    ),
    (
        "a class that makes none",
        claim(storageClassName="local"),
        {},
        "Pending",
        "ProvisioningFailed",
        "no volume plugin matched name: kubernetes.io/no-provisioner",
    ),
    (
        "it waits for a pod",
        claim(storageClassName="later"),
        {"v": volume("v", storageClassName="later")},
        "Pending",
        "WaitForFirstConsumer",
        "waiting for first consumer to be created before binding",
    ),
]


@pytest.mark.parametrize(
    ("_what", "value", "volumes", "phase", "reason", "message"), STEPS, ids=[case[0] for case in STEPS]
)
def test_a_claim_waits(
    _what: str, value: Object, volumes: dict[str, Object], phase: str, reason: str, message: str
) -> None:
    step = rules.claim_step(value, volumes, CLASSES, [])
    event = step.event
    assert (step.phase, event.reason if event else "", event.message if event else "") == (
        phase,
        reason,
        message,
    )
    assert step.bind is None


def test_a_claim_waits_for_its_pods() -> None:
    for pods, message in (
        (["a"], "waiting for pod a to be scheduled"),
        (["a", "b"], "waiting for pods a,b to be scheduled"),
    ):
        event = rules.claim_step(claim(storageClassName="later"), {}, CLASSES, pods).event
        assert event is not None and (event.reason, event.message) == ("WaitForPodScheduled", message)


def test_another_program_is_asked_for_a_volume() -> None:
    step = rules.claim_step(claim(), {}, CLASSES, [])
    assert step.provisioner == "example.com/disks"
    assert step.event is not None and step.event.reason == "ExternalProvisioning"
    placed = claim(storageClassName="later", annotations={SELECTED_NODE: "n1"})
    assert rules.claim_step(placed, {}, CLASSES, []).provisioner == "x.io/y"
    asked = objects.asking(claim(), "x.io/y")
    assert set(asked["metadata"]["annotations"].values()) == {"x.io/y"}
    assert objects.asking(asked, "x.io/y") is asked


def test_a_claim_without_a_class_gets_the_youngest_default() -> None:
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    ages = {"a": "2026-01-01T00:00:00Z", "c": "2026-01-02T00:00:00Z", "b": "2026-01-02T00:00:00Z"}
    classes = {
        name: {"metadata": {"name": name, "annotations": default, "creationTimestamp": age}}
        for name, age in ages.items()
    }
    unsaid = claim()
    del unsaid["spec"]["storageClassName"]
    assert rules.claim_step(unsaid, {}, classes, []).class_name == "b"
    assert rules.claim_step(claim(storageClassName=""), {}, classes, []).class_name == ""


def test_what_is_bound_says_so_on_both_sides() -> None:
    one, other = volume("v"), claim()
    bound = bound_volume(one, other)
    assert bound["spec"]["claimRef"] == {
        "kind": "PersistentVolumeClaim",
        "namespace": "n",
        "name": "c",
        "uid": "claim",
        "apiVersion": "v1",
        "resourceVersion": "7",
    }
    assert bound["metadata"]["annotations"] == {BY_CONTROLLER: "yes"}
    assert bound_volume(bound, other) is bound
    kept = bound_volume(volume("v", claimRef=said("")), other)
    assert kept["spec"]["claimRef"]["uid"] == "claim" and "annotations" not in kept["metadata"]
    mine = objects.bound_claim(other, bound)
    assert mine["spec"]["volumeName"] == "v"
    assert mine["metadata"]["annotations"] == {BY_CONTROLLER: "yes", BIND_COMPLETED: "yes"}
    assert objects.bound_claim(mine, bound) is mine
    status = objects.claim_status(mine, "Bound", bound)
    assert status == {"phase": "Bound", "accessModes": [RWO], "capacity": {"storage": "5Gi"}}
    assert objects.claim_status({**mine, "status": status}, "Lost", None) == {"phase": "Lost"}
    assert objects.unbound_volume(bound)["spec"].get("claimRef") is None
    assert objects.unbound_volume(kept)["spec"]["claimRef"] == {
        key: one for key, one in kept["spec"]["claimRef"].items() if key != "uid"
    }


MADE = {rules.PROVISIONED_BY: "example.com/disks"}


def annotated(value: Object, annotations: dict[str, str]) -> Object:
    return {**value, "metadata": {**value["metadata"], "annotations": annotations}}


VOLUMES: list[tuple[str, Object, Object | None, rules.VolumeStep]] = [
    ("free", volume("v", phase=""), None, rules.VolumeStep("Available")),
    ("kept for a name", volume("v", claimRef=said("")), claim(), rules.VolumeStep("Available")),
    (
        "its claim has gone",
        volume("v", claimRef=said(), phase="Bound"),
        None,
        rules.VolumeStep("Released", reclaim=True),
    ),
    (
        "and could not be deleted",
        volume("v", claimRef=said(), phase="Failed"),
        None,
        rules.VolumeStep(reclaim=True),
    ),
    ("both agree", volume("v", claimRef=said()), claim(volumeName="v"), rules.VolumeStep("Bound")),
    (
        "the claim does not know yet",
        volume("v", claimRef=said()),
        claim(),
        rules.VolumeStep(look_at_claim=True),
    ),
    (
        "they do not fit",
        volume("v", claimRef=said(), volumeMode="Block"),
        claim(),
        rules.VolumeStep(mismatch=True),
    ),
    (
        "the claim has another",
        volume("v", claimRef=said()),
        claim(volumeName="w"),
        rules.VolumeStep("Available", unbind=True),
    ),
    (
        "the claim that it was made for has another",
        annotated(volume("v", claimRef=said(), persistentVolumeReclaimPolicy="Delete"), MADE),
        claim(volumeName="w"),
        rules.VolumeStep("Released", reclaim=True),
    ),
]


@pytest.mark.parametrize(("_what", "value", "of", "step"), VOLUMES, ids=[case[0] for case in VOLUMES])
def test_a_volume_follows_its_claim(
    _what: str, value: Object, of: Object | None, step: rules.VolumeStep
) -> None:
    assert rules.volume_step(value, of) == step


PLUGIN = 'error getting deleter volume plugin for volume "v": '
RECLAIMS: list[tuple[str, Object, str]] = [
    ("kept", volume("v"), ""),
    ("deleted by who made it", annotated(volume("v", persistentVolumeReclaimPolicy="Delete"), MADE), ""),
    ("nobody can", volume("v", persistentVolumeReclaimPolicy="Delete"), PLUGIN + "no volume plugin matched"),
    (
        "nobody can delete what lies with others",
        volume("v", persistentVolumeReclaimPolicy="Delete", nfs={"server": "s", "path": "/"}),
        PLUGIN + "no deletable volume plugin matched",
    ),
    (
        "a directory that is not to be touched",
        volume("v", persistentVolumeReclaimPolicy="Delete", hostPath={"path": "/tmp/../etc"}),
        "host_path deleter only supports /tmp/.+ but received provided /tmp/../etc",
    ),
    (
        "scrubbed",
        volume("v", persistentVolumeReclaimPolicy="Recycle"),
        "No recycler plugin found for the volume!",
    ),
]


@pytest.mark.parametrize(("_what", "value", "message"), RECLAIMS, ids=[case[0] for case in RECLAIMS])
def test_what_nobody_claims_is_reclaimed(_what: str, value: Object, message: str) -> None:
    found = rules.reclaiming(value)
    assert (found.event.message if found.event else "") == message
    assert not found.directory


def user(name: str, node: str = "n1", **volume: Any) -> Object:
    return {
        "metadata": {"name": name, "uid": name, "namespace": "n"},
        "spec": {"nodeName": node, "volumes": [{"name": "v", **volume}]},
    }


def test_pods_that_have_a_node_use_a_claim() -> None:
    by_name = {"persistentVolumeClaim": {"claimName": "c"}}
    pods = [user("b", **by_name), user("a", **by_name), user("x", "", **by_name), user("y", emptyDir={})]
    assert protection.users(claim(), pods) == ["a", "b"]
    owned = {**claim()["metadata"], "name": "a-v", "ownerReferences": [{"controller": True, "uid": "a"}]}
    brought = {**claim(), "metadata": owned}
    assert protection.users(brought, [user("a", ephemeral={"volumeClaimTemplate": {}})]) == ["a"]
    stranger = {**brought, "metadata": {**owned, "ownerReferences": []}}
    assert protection.users(stranger, [user("a", ephemeral={"volumeClaimTemplate": {}})]) == []


@pytest.mark.parametrize(("size", "more"), [("5Gi", False), ("5368709121", True), ("1Gi", False)])
def test_a_claim_may_want_more_than_it_has(size: str, more: bool) -> None:
    bound = claim(size, DONE, volumeName="v")
    assert not expansion.wants_more(bound)
    status = {"phase": "Bound", "capacity": {"storage": "5Gi"}}
    assert expansion.wants_more({**bound, "status": status}) == more
