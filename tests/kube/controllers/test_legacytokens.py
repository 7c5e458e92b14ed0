"""Which tokens in Secrets are forgotten ones."""

from typing import Any

import pytest

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS
from sampan.kube.controllers import legacytokens, secrettokens
from sampan.kube.controllers.legacytokens import DELETE, INVALIDATE, KEEP, verdict
from sampan.kube.pki.accounttokens import INVALID_SINCE, LAST_USED, TRACKING
from tests.kube.controllers.world import EPOCH, World, run

OLD, NEW = "2025-01-01", "2026-06-01"  # the world begins on 2027-01-15
ACCOUNT = {"metadata": {"name": "robot", "uid": "u"}, "secrets": [{"name": "s"}]}


def secret(made: str = OLD, name: str = "s", **labels: str) -> Object:
    names = {"used": LAST_USED, "invalid": INVALID_SINCE}
    metadata = {"name": name, "creationTimestamp": f"{made}T00:00:00Z"}
    return {"metadata": {**metadata, "labels": {names[key]: day for key, day in labels.items()}}}


CASES: list[tuple[str, Object, dict[str, Any], str]] = [
    ("never used", secret(), {}, INVALIDATE),
    ("not used for long", secret(used=OLD), {}, INVALIDATE),
    ("used this year", secret(used=NEW), {}, KEEP),
    ("used at a time that nobody knows", secret(used="yesterday!"), {}, KEEP),
    ("made this year", secret(NEW), {}, KEEP),
    ("invalid for long", secret(invalid="2025-06-01"), {}, DELETE),
    ("invalid for a while", secret(invalid=NEW), {}, KEEP),
    ("invalid since nobody knows when", secret(invalid="soon"), {}, INVALIDATE),
    ("a pod mounts it", secret(), {"mounted": {"s"}}, KEEP),
    ("somebody made it", secret(name="mine"), {}, KEEP),
    ("uses have been written down for too short a time", secret(), {"tracked": "2026-01-15"}, KEEP),
    ("uses are not written down", secret(), {"tracked": ""}, KEEP),
]


@pytest.mark.parametrize(("_what", "value", "given", "wanted"), CASES, ids=[case[0] for case in CASES])
def test_forgotten_tokens_go(_what: str, value: Object, given: dict[str, Any], wanted: str) -> None:
    mounted, tracked = given.get("mounted", ()), given.get("tracked", "2025-06-01")
    assert verdict(value, ACCOUNT, mounted, tracked, EPOCH) == wanted


def test_a_forgotten_token_is_first_made_invalid() -> None:
    async def work() -> None:
        world = World()
        world.add(SERVICE_ACCOUNTS, {"metadata": {"name": "robot"}, "secrets": [{"name": "s"}]})
        annotations = {secrettokens.NAME: "robot"}
        made = {"creationTimestamp": f"{OLD}T00:00:00Z"}
        for name in ("s", "mine"):
            metadata = {"name": name, "annotations": annotations}
            world.add(SECRETS, {"metadata": metadata, "type": secrettokens.TYPE})
            world.set(SECRETS, f"default/{name}", lambda value: value["metadata"].update(made))
        tracking = {"metadata": {"name": TRACKING, "namespace": "kube-system"}, "data": {"since": OLD}}
        world.add(CONFIG_MAPS, tracking)
        world.start(legacytokens.controller, names=["legacy-service-account-token-cleaner"])
        await world.settle(quiet=5.0)
        labels = world.get(SECRETS, "default/s")["metadata"]["labels"]
        assert labels == {INVALID_SINCE: "2027-01-15"}
        assert "labels" not in world.get(SECRETS, "default/mine")["metadata"]
        longer = {INVALID_SINCE: "2025-06-01"}
        world.set(SECRETS, "default/s", lambda value: value["metadata"].update(labels=longer))
        await world.settle(quiet=5.0)
        assert set(world.objects[SECRETS]) == {"default/mine"}
        await world.stop()

    run(work())
