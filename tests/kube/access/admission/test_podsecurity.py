"""Pod Security Standards. https://kubernetes.io/docs/concepts/security/pod-security-standards/"""

import pytest

from sampan.kube.access.admission.podsecurity.evaluation import evaluate
from sampan.kube.access.admission.podsecurity.plugin import PodSecurity
from sampan.kube.access.admission.podsecurity.policy import LATEST, Standard, of_namespace
from tests.kube.access.admission.writes import cluster, passes, pod, refusal, write

PREFIX = "pod-security.kubernetes.io/"
SAFE = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def told(level, spec, minor=LATEST, annotations=None):
    return evaluate(Standard(level, minor), {"annotations": annotations or {}}, spec).details


def container(context=None, **rest):
    return {"containers": [{"name": "c", "securityContext": context or {}, **rest}]}


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (container(), ""),
        (
            {**container(), "hostNetwork": True, "hostIPC": True},
            "host namespaces (hostNetwork=true, hostIPC=true)",
        ),
        (
            container({"privileged": True}),
            'privileged (container "c" must not set securityContext.privileged=true)',
        ),
        (
            container(ports=[{"hostPort": 9}, {"hostPort": 80}, {"containerPort": 1}]),
            'hostPort (container "c" uses hostPorts 80, 9)',
        ),
        (
            container(livenessProbe={"httpGet": {"host": "192.0.2.1"}}),
            'probe or lifecycle host (container "c" uses probe or lifecycle host "192.0.2.1")',
        ),
        (
            {**container(), "volumes": [{"name": "a", "hostPath": {}}, {"name": "b", "hostPath": {}}]},
            'hostPath volumes (volumes "a", "b")',
        ),
        (
            container({"capabilities": {"add": ["NET_ADMIN", "CHOWN"]}}),
            'non-default capabilities (container "c" must not include "NET_ADMIN" '
            "in securityContext.capabilities.add)",
        ),
        (
            container({"procMount": "Unmasked"}),
            'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
        ),
        (
            {
                **container({"seLinuxOptions": {"user": "u"}}),
                "securityContext": {"seLinuxOptions": {"type": "x"}},
            },
            'seLinuxOptions (pod and container "c" set forbidden securityContext.seLinuxOptions: type "x"; '
            "user may not be set)",
        ),
        (
            container({"seccompProfile": {"type": "Unconfined"}}),
            'seccompProfile (container "c" must not set securityContext.seccompProfile.type to "Unconfined")',
        ),
        (
            {**container(), "securityContext": {"sysctls": [{"name": "b"}, {"name": "net.ipv4.tcp_rmem"}]}},
            "forbidden sysctls (b)",
        ),
        (
            {**container(), "securityContext": {"windowsOptions": {"hostProcess": True}}},
            "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
        ),
        (
            container({"appArmorProfile": {"type": "Unconfined"}}),
            'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")',
        ),
    ],
)
def test_what_the_baseline_forbids(spec, text):
    assert told("baseline", spec) == text
    assert told("privileged", spec) == ""


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, ""),
        (
            {"allowPrivilegeEscalation": None},
            'allowPrivilegeEscalation != false (container "c" must set '
            "securityContext.allowPrivilegeEscalation=false)",
        ),
        (
            {"capabilities": {"add": ["NET_BIND_SERVICE", "CHOWN"]}},
            'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]; '
            'container "c" must not include "CHOWN" in securityContext.capabilities.add)',
        ),
        (
            {"runAsNonRoot": False},
            'runAsNonRoot != true (container "c" must not set securityContext.runAsNonRoot=false)',
        ),
        ({"runAsUser": 0}, 'runAsUser=0 (container "c" must not set runAsUser=0)'),
        (
            {"seccompProfile": None},
            'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to '
            '"RuntimeDefault" or "Localhost")',
        ),
    ],
)
def test_what_the_restricted_level_wants(change, text):
    context = {key: value for key, value in {**SAFE, **change}.items() if value is not None}
    assert told("restricted", container(context)) == text


def test_volumes_of_the_restricted_level():
    volumes = [{"name": "a", "nfs": {}}, {"name": "b", "hostPath": {}}, {"name": "c", "emptyDir": {}}]
    assert told("restricted", {**container(SAFE), "volumes": volumes}) == (
        'restricted volume types (volumes "a", "b" use restricted volume types "hostPath", "nfs")'
    )


@pytest.mark.parametrize(
    ("level", "spec", "minor", "text"),
    [
        ("restricted", container(), 0, "runAsNonRoot != true"),
        ("restricted", container({**SAFE, "runAsUser": 0}), 22, ""),
        (
            "baseline",
            {**container(), "securityContext": {"sysctls": [{"name": "net.ipv4.tcp_rmem"}]}},
            31,
            "forbidden",
        ),
        ("baseline", container(livenessProbe={"tcpSocket": {"host": "h"}}), 33, ""),
        ("restricted", {**container(), "hostUsers": False, "os": {"name": "windows"}}, 35, ""),
        (
            "restricted",
            {**container(), "hostUsers": False, "os": {"name": "windows"}},
            34,
            "runAsNonRoot != true",
        ),
        ("baseline", container({"seLinuxOptions": {"type": "container_engine_t"}}), 30, "seLinuxOptions"),
        ("baseline", container({"seLinuxOptions": {"type": "container_engine_t"}}), 31, ""),
    ],
)
def test_rules_come_with_versions(level, spec, minor, text):
    assert told(level, spec, minor).partition(" (")[0].split(" sysctls")[0] == text


def test_old_annotations():
    notes = {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}
    text = 'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")'
    assert told("baseline", container(), 18, notes) == text
    assert told("baseline", container(), 19, notes) == ""
    notes = {"container.apparmor.security.beta.kubernetes.io/c": "unconfined"}
    assert told("baseline", container(), annotations=notes).startswith(
        "forbidden AppArmor profile (annotation must not set AppArmor profile type to "
    )


# --- namespaces


@pytest.mark.parametrize(
    ("labels", "enforce", "errors"),
    [
        ({}, "privileged:latest", []),
        ({"enforce": "baseline", "enforce-version": "v1.7"}, "baseline:v1.7", []),
        ({"enforce": "x"}, "restricted:latest", ["must be one of privileged, baseline, restricted"]),
        ({"enforce-version": "v1.07"}, "privileged:latest", ['must be "latest" or "v1.x"']),
        ({"enforce-version": "v2.7"}, "privileged:latest", ['must be "latest" or "v1.x"']),
    ],
)
def test_labels(labels, enforce, errors):
    found, problems = of_namespace(
        {"metadata": {"labels": {PREFIX + key: one for key, one in labels.items()}}}
    )
    assert str(found.enforce) == enforce
    assert [str(one).partition('": ')[2] for one in problems] == errors


def guarded(**labels):
    reader = cluster()
    marks = {PREFIX + key: one for key, one in labels.items()}
    reader.put("namespaces", {"metadata": {"name": "ns", "labels": marks}})
    return reader


async def test_pods_are_refused_or_warned_of():
    bad = pod(hostPID=True)
    why = await refusal(PodSecurity(), guarded(enforce="baseline", warn="baseline"), "pods", bad)
    assert why == 'violates PodSecurity "baseline:latest": host namespaces (hostPID=true)'
    text = 'would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)'
    request = await passes(PodSecurity(), guarded(warn="baseline", audit="baseline"), "pods", bad)
    assert request.warnings == [text]
    assert request.annotations == {
        f"{PREFIX}audit-violations": text,
        f"{PREFIX}enforce-policy": "privileged:latest",
    }


async def test_what_makes_pods_is_only_warned_of():
    new = {"metadata": {"name": "d"}, "spec": {"template": pod(hostPID=True)}}
    request = await passes(
        PodSecurity(), guarded(enforce="baseline", warn="baseline"), "deployments.apps", new
    )
    assert len(request.warnings) == 1
    assert not (await passes(PodSecurity(), guarded(enforce="baseline"), "deployments.apps", new)).warnings


async def test_exemptions():
    bad, reader = pod(hostPID=True, runtimeClassName="r"), guarded(enforce="baseline")
    for exempt in ({"namespaces": ["ns"]}, {"users": ["joe"]}, {"runtime_classes": ["r"]}):
        await passes(PodSecurity(**exempt), reader, "pods", bad)
    await passes(PodSecurity(), reader, "pods", bad, bad)  # nothing changes that matters
    other = pod(hostPID=True, containers=[{"name": "c", "image": "j"}])
    assert await refusal(PodSecurity(), reader, "pods", other, bad)
    await passes(PodSecurity(), reader, "pods", other, bad, subresource="status")


def namespace(**labels):
    return {"metadata": {"name": "ns", "labels": {PREFIX + key: one for key, one in labels.items()}}}


async def test_a_stricter_namespace_tells_of_its_pods():
    reader = cluster()
    for name in "cab":
        value = pod(hostPID=name != "b")
        value["metadata"]["name"] = name
        reader.put("pods", value)
    request = write(reader, "namespaces", namespace(enforce="baseline"), namespace())
    await PodSecurity().validate(request)
    assert request.warnings == [
        'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest"',
        "a (and 1 other pod): host namespaces",
    ]
    request = write(reader, "namespaces", namespace(enforce="baseline"), namespace(enforce="restricted"))
    await PodSecurity().validate(request)
    assert request.warnings == []


async def test_wrong_labels_are_refused_when_they_come():
    why = await refusal(PodSecurity(), cluster(), "namespaces", namespace(enforce="x"))
    assert why == (
        'Namespace "ns" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: '
        'Invalid value: "x": must be one of privileged, baseline, restricted'
    )
    await passes(PodSecurity(), cluster(), "namespaces", namespace(enforce="x"), namespace(enforce="x"))
