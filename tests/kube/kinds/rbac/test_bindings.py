"""Roles and bindings: what is filled in, refused and shown."""

import pytest

from sampan.kube.kinds.rbac import clusterrole, clusterrolebinding, role, rolebinding
from sampan.kube.kinds.resource import Context

CONTEXT = Context("2026-01-02T03:04:05Z")
GROUP = "rbac.authorization.k8s.io"
REFERENCE = {"apiGroup": GROUP, "kind": "ClusterRole", "name": "view"}


def binding(*subjects, reference=REFERENCE):
    return {"metadata": {"name": "x"}, "roleRef": dict(reference), "subjects": [*subjects]}


def subject(kind, name="u", **rest):
    return {"kind": kind, "name": name, **rest}


def errors(resource, found, old=None):
    resource.default(found)
    if old is not None:
        return [str(one) for one in resource.validate_update(found, old, CONTEXT)]
    return [str(one) for one in resource.validate(found, CONTEXT)]


def test_groups_are_filled_in():
    found = binding(subject("User"), subject("Group"), subject("ServiceAccount"), reference={"kind": "Role"})
    rolebinding.RESOURCE.default(found)
    assert [one.get("apiGroup") for one in found["subjects"]] == [GROUP, GROUP, None]
    assert found["roleRef"]["apiGroup"] == GROUP


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (subject("User", ""), "subjects[0].name: Required value"),
        (
            subject("Robot"),
            'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", '
            '"Group"',
        ),
        (
            subject("Group", apiGroup="x"),
            f'subjects[0].apiGroup: Unsupported value: "x": supported values: "{GROUP}"',
        ),
        (
            subject("ServiceAccount", namespace="n", apiGroup="x"),
            'subjects[0].apiGroup: Unsupported value: "x": supported values: ""',
        ),
        (subject("ServiceAccount"), "subjects[0].namespace: Required value"),
    ],
)
def test_subjects_that_are_refused(one, message):
    assert errors(clusterrolebinding.RESOURCE, binding(one)) == [message]


def test_a_service_account_of_the_same_namespace_needs_none():
    assert errors(rolebinding.RESOURCE, binding(subject("ServiceAccount"))) == []


def test_a_binding_keeps_its_role():
    old = binding(subject("User", apiGroup=GROUP))
    new = binding(subject("User"), reference={**REFERENCE, "name": "edit"})
    shown = f'{{"APIGroup":"{GROUP}","Kind":"ClusterRole","Name":"edit"}}'
    for resource in (rolebinding.RESOURCE, clusterrolebinding.RESOURCE):
        assert errors(resource, new, old) == [f"roleRef: Invalid value: {shown}: cannot change roleRef"]


@pytest.mark.parametrize(
    ("rule", "of_role", "of_cluster_role"),
    [
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}, [], []),
        (
            {"verbs": ["get"], "nonResourceURLs": ["/x"]},
            [
                'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to '
                "non-resource URLs"
            ],
            [],
        ),
        (
            {"verbs": ["get"], "nonResourceURLs": ["/x"], "resourceNames": ["a"]},
            [
                'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to '
                "non-resource URLs",
                'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular '
                "resources and non-resource URLs",
            ],
            [
                'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular '
                "resources and non-resource URLs"
            ],
        ),
    ],
)
def test_rules(rule, of_role, of_cluster_role):
    assert errors(role.RESOURCE, {"rules": [rule]}) == of_role
    assert errors(clusterrole.RESOURCE, {"rules": [rule]}) == of_cluster_role


def test_cells_name_users_groups_and_accounts():
    found = binding(
        subject("User", "a"),
        subject("User", "b"),
        subject("Group", "g"),
        subject("ServiceAccount", "s", namespace="n"),
    )
    found["metadata"]["creationTimestamp"] = "2026-01-02T03:04:05Z"
    cells = rolebinding.RESOURCE.cells(found, 1767323045 + 60)
    assert cells == ["ClusterRole/view", "60s", "a, b", "g", "n/s"]
    assert len(rolebinding.RESOURCE.columns) == len(cells) + 1
