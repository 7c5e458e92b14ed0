"""Tokens in Secrets: made, completed, and gone with their account."""

import base64
import random
from dataclasses import replace
from pathlib import Path

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import SECRETS, SERVICE_ACCOUNTS
from sampan.kube.controllers import secrettokens
from sampan.kube.controllers.context import Context, Options
from sampan.kube.controllers.controller import Controller
from sampan.kube.pki import jws
from sampan.kube.pki.keyfiles import key_pem, new_key, new_token_key
from tests.kube.controllers.world import World, run

KEYS = (new_token_key(), new_key())  # of clusters as they are made now, and as they were


def secret(name: str, account: str, **data: str) -> Object:
    metadata = {"name": name, "annotations": {secrettokens.NAME: account}}
    return {
        "metadata": metadata,
        "type": secrettokens.TYPE,
        "data": {key: _encoded(data[key]) for key in data},
    }


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def read(value: Object) -> dict[str, str]:
    return {key: base64.b64decode(text).decode() for key, text in value["data"].items()}


@pytest.mark.parametrize("seed", range(6))
def test_a_secret_has_the_token_of_its_account(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = KEYS[seed % 2]
    path.write_bytes(key_pem(key))

    def controller(context: Context) -> Controller:
        return secrettokens.controller(replace(context, options=Options("BUNDLE", token_key=path)))

    async def work() -> None:
        world = World(random.Random(seed), frozenset({seed + 2, 2 * seed + 7}))
        references = [{"name": "new"}, {"name": "gone"}]
        account = world.add(SERVICE_ACCOUNTS, {"metadata": {"name": "robot"}, "secrets": references})
        world.add(SECRETS, secret("new", "robot"))
        world.add(SECRETS, secret("kept", "robot", token="mine", namespace="other", **{"ca.crt": "old"}))
        world.add(SECRETS, secret("lost", "nobody"))
        world.add(SECRETS, {"metadata": {"name": "other"}, "type": "Opaque", "data": {}})
        world.start(controller, names=["serviceaccount-token-controller"])
        await world.settle()
        assert set(world.objects[SECRETS]) == {"default/new", "default/kept", "default/other"}
        found = world.get(SECRETS, "default/new")
        told = read(found)
        assert (told["ca.crt"], told["namespace"]) == ("BUNDLE", "default")
        header, claims = jws.parse(told["token"])
        jws.verify(told["token"], header, [("", key.public_key())])
        assert claims["sub"] == "system:serviceaccount:default:robot"
        assert claims["kubernetes.io/serviceaccount/secret.name"] == "new"
        assert found["metadata"]["annotations"][secrettokens.UID] == account["metadata"]["uid"]
        assert read(world.get(SECRETS, "default/kept")) == {
            "token": "mine",
            "namespace": "other",
            "ca.crt": "BUNDLE",
        }
        world.remove(SECRETS, "default/new")
        await world.settle()
        assert world.get(SERVICE_ACCOUNTS, "default/robot")["secrets"] == [{"name": "gone"}]
        world.remove(SERVICE_ACCOUNTS, "default/robot")
        await world.settle()
        assert set(world.objects[SECRETS]) == {"default/other"}
        await world.stop()

    run(work())


def test_a_token_is_not_for_a_later_account_of_that_name() -> None:
    account = {"metadata": {"name": "robot", "uid": "second"}}
    old = secret("s", "robot")
    old["metadata"]["annotations"][secrettokens.UID] = "first"
    assert not secrettokens.belongs(old, account)
    assert secrettokens.belongs(secret("s", "robot"), account)
