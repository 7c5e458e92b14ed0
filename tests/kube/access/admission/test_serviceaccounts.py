"""The account of a pod."""

import pytest

from sampan.kube.access.admission.serviceaccounts import MOUNT_PATH, ServiceAccount
from tests.kube.access.admission.writes import changed, cluster, passes, pod, refusal

ENFORCED = {"kubernetes.io/enforce-mountable-secrets": "true"}
MIRROR = {"kubernetes.io/config.mirror": "x"}


def account(name="default", annotations=None, **rest):
    metadata = {"name": name, "namespace": "ns", "annotations": annotations or {}}
    return ("serviceaccounts", {"metadata": metadata, **rest})


async def test_a_pod_gets_the_default_account_and_its_token():
    spec = (await changed(ServiceAccount(), cluster(account()), "pods", pod()))["spec"]
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("default", "default")
    (volume,), (mount,) = spec["volumes"], spec["containers"][0]["volumeMounts"]
    assert mount == {"name": volume["name"], "readOnly": True, "mountPath": MOUNT_PATH}
    assert volume["name"].startswith("kube-api-access-")
    assert len(volume["name"]) == len("kube-api-access-") + 5
    sources = volume["projected"]["sources"]
    assert [next(iter(one)) for one in sources] == ["serviceAccountToken", "configMap", "downwardAPI"]
    assert sources[0]["serviceAccountToken"] == {"expirationSeconds": 3607, "path": "token"}


@pytest.mark.parametrize(
    ("of_account", "of_pod", "mounted"),
    [({}, {}, 1), (False, {}, 0), (False, True, 1), (True, False, 0)],
)
async def test_who_wants_no_token_gets_none(of_account, of_pod, mounted):
    def says(value):
        return {} if value == {} else {"automountServiceAccountToken": value}

    reader = cluster(account(**says(of_account)))
    spec = (await changed(ServiceAccount(), reader, "pods", pod(**says(of_pod))))["spec"]
    assert len(spec.get("volumes", ())) == mounted


async def test_what_is_mounted_there_stays():
    there = {"name": "own", "mountPath": MOUNT_PATH}
    own = pod(containers=[{"name": "c", "volumeMounts": [there]}])
    spec = (await changed(ServiceAccount(), cluster(account()), "pods", own))["spec"]
    assert spec["containers"] == own["spec"]["containers"]
    assert "volumes" not in spec
    again = pod(volumes=[{"name": "kube-api-access-abcde"}])
    spec = (await changed(ServiceAccount(), cluster(account()), "pods", again))["spec"]
    assert spec["volumes"] == again["spec"]["volumes"]
    assert spec["containers"][0]["volumeMounts"][0]["name"] == "kube-api-access-abcde"


async def test_images_are_pulled_as_the_account_does():
    reader = cluster(account(imagePullSecrets=[{"name": "a"}]))
    assert (await changed(ServiceAccount(), reader, "pods", pod()))["spec"]["imagePullSecrets"] == [
        {"name": "a"}
    ]
    own = pod(imagePullSecrets=[{"name": "b"}])
    assert (await changed(ServiceAccount(), reader, "pods", own))["spec"]["imagePullSecrets"] == [
        {"name": "b"}
    ]


async def test_a_missing_account_is_told():
    why = await refusal(ServiceAccount(), cluster(), "pods", pod(serviceAccountName="x"))
    assert why == 'error looking up service account ns/x: serviceaccount "x" not found'


async def test_the_default_account_is_waited_for():
    reader, slept = cluster(), []

    async def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 3:
            reader.put(*account())

    await passes(ServiceAccount(sleep), reader, "pods", pod())
    assert len(slept) == 3
    reader.by_key.clear()
    slept.extend([0.1] * 3)
    why = await refusal(ServiceAccount(sleep), reader, "pods", pod())
    assert why == 'error looking up service account ns/default: serviceaccount "default" not found'
    assert len(slept) == 15


def using(**source):
    return pod(containers=[{"name": "c", **source}])


@pytest.mark.parametrize(
    ("new", "what"),
    [
        (pod(volumes=[{"name": "v", "secret": {"secretName": "s"}}]), 'volume with secret.secretName="s"'),
        (
            using(env=[{"name": "E", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
            'container c with envVar E referencing secret.secretName="s"',
        ),
        (
            using(envFrom=[{"secretRef": {"name": "s"}}]),
            'container c with envFrom referencing secret.secretName="s"',
        ),
    ],
)
async def test_an_account_may_be_kept_to_its_secrets(new, what):
    plugin, because = (
        ServiceAccount(),
        "is not allowed because service account default does not reference that",
    )
    assert (
        await refusal(plugin, cluster(account(annotations=ENFORCED)), "pods", new)
        == f"{what} {because} secret"
    )
    await passes(plugin, cluster(account(annotations=ENFORCED, secrets=[{"name": "s"}])), "pods", new)
    await passes(plugin, cluster(account()), "pods", new)
    pulls = pod(imagePullSecrets=[{"name": "s"}])
    why = await refusal(plugin, cluster(account(annotations=ENFORCED)), "pods", pulls)
    assert why == f'imagePullSecrets[0].name="s" {because} imagePullSecret'


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"serviceAccountName": "x"}, "a mirror pod may not reference service accounts"),
        (
            {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]},
            "a mirror pod may not reference secrets",
        ),
        (
            {"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {}}]}}]},
            "a mirror pod may not use ServiceAccountToken volume projections",
        ),
    ],
)
async def test_mirror_pods_have_nothing_of_the_cluster(spec, why):
    assert await refusal(ServiceAccount(), cluster(), "pods", pod(MIRROR, **spec)) == why
    assert await changed(ServiceAccount(), cluster(), "pods", pod(MIRROR)) == pod(MIRROR)
