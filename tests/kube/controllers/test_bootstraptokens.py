"""What bootstrap tokens sign, and when they go."""

import base64

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import CONFIG_MAPS, SECRETS
from sampan.kube.controllers import bootstraptokens
from sampan.specs.kubernetes import time
from sampan.specs.kubernetes.bootstraptokens import signs_with
from tests.kube.controllers.world import EPOCH, World, run

WORD = "0123456789abcdef"


def token(identity: str, **data: str) -> Object:
    given = {"token-id": identity, "token-secret": WORD, "usage-bootstrap-signing": "true", **data}
    encoded = {key.replace("_", "-"): base64.b64encode(text.encode()).decode() for key, text in given.items()}
    metadata = {"name": f"bootstrap-token-{identity}", "namespace": "kube-system"}
    return {"metadata": metadata, "type": "bootstrap.kubernetes.io/token", "data": encoded}


def test_a_signature_leaves_the_payload_out() -> None:
    # What Kubernetes' own code gives, cluster-bootstrap/token/jws.
    content, word = (
        "Hello from the other side. I must have called a thousand times.",
        "my voice is my passcode",
    )
    header = "eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9"
    found = bootstraptokens.signature(content, "joshua", word)
    assert found == f"{header}..VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8"
    empty = bootstraptokens.signature("", "joshua", word)
    assert empty == f"{header}..7Ui1ALizW4jXphVUB7xUqC9vLYLL9RZeOFfVLoB7Tgk"


def test_only_some_tokens_sign() -> None:
    assert signs_with(token("abcdef"), EPOCH) == ("abcdef", WORD)
    over, later = time.text(EPOCH - 1), time.text(EPOCH + 1)
    assert signs_with(token("abcdef", expiration=later), EPOCH) is not None
    for one in (
        token("abcdef", expiration=over),
        token("abcdef", expiration="soon"),
        token("abcdef", **{"usage-bootstrap-signing": "no"}),
        token("ABCDEF"),
        {**token("abcdef"), "type": "Opaque"},
        {**token("abcdef"), "metadata": {"name": "bootstrap-token-abcdef", "namespace": "default"}},
    ):
        assert signs_with(one, EPOCH) is None


def test_what_newcomers_read_is_signed_with_each_token() -> None:
    async def work() -> None:
        world = World()
        data = {"kubeconfig": "config", "jws-kubeconfig-gone00": "x", "more": "y"}
        world.add(
            CONFIG_MAPS, {"metadata": {"name": "cluster-info", "namespace": "kube-public"}, "data": data}
        )
        world.add(SECRETS, token("first0"))
        world.add(SECRETS, token("second", expiration=time.text(EPOCH + 100)))
        world.start(bootstraptokens.signer, bootstraptokens.cleaner, names=["a", "b"])
        await world.settle(quiet=20.0)

        def told() -> dict[str, str]:
            found: dict[str, str] = world.get(CONFIG_MAPS, "kube-public/cluster-info")["data"]
            return found

        assert set(told()) == {"kubeconfig", "more", "jws-kubeconfig-first0", "jws-kubeconfig-second"}
        assert told()["jws-kubeconfig-first0"] == bootstraptokens.signature("config", "first0", WORD)
        await world.settle(quiet=120.0)
        assert set(told()) == {"kubeconfig", "more", "jws-kubeconfig-first0"}
        assert set(world.objects[SECRETS]) == {"kube-system/bootstrap-token-first0"}
        world.set(
            CONFIG_MAPS, "kube-public/cluster-info", lambda value: value["data"].update(kubeconfig="new")
        )
        await world.settle()
        assert told()["jws-kubeconfig-first0"] == bootstraptokens.signature("new", "first0", WORD)
        await world.stop()

    run(work())
