"""The day on which a token of a Secret was last used stands on the Secret."""

import asyncio
from typing import Any

from sampan.kube.api.tokenuses import TokenUses, used
from sampan.kube.kinds.resource import Object
from sampan.kube.pki.accounttokens import LAST_USED
from tests.support.poll import until_async

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


class Known:
    """Reader, catalog and writes in one."""

    def __init__(self, *secrets: Object) -> None:
        self.secrets = {one["metadata"]["name"]: one for one in secrets}
        self.written: list[str] = []

    def get(self, _resource: str, _namespace: str, name: str) -> Object | None:
        return self.secrets.get(name)

    def by_name(self, name: str) -> str:
        return name

    async def update(self, _served: Any, name: str, change: Any, namespace: str) -> None:
        self.secrets[name] = change(self.secrets[name])
        self.written.append(f"{namespace}/{name}")


def secret(name: str, **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels}}


async def test_a_use_is_written_once_a_day() -> None:
    known: Any = Known(secret("a", x="y"), secret("b", **{LAST_USED: "2027-01-15"}))
    uses = TokenUses(known, lambda: NOW)
    task = asyncio.ensure_future(uses.run(known, known))
    for name in ("a", "b", "gone"):
        uses.note("ns", name)
    await until_async(lambda: known.written, "the use is written")
    uses.note("ns", "a")
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert known.written == ["ns/a"]
    assert known.secrets["a"]["metadata"]["labels"] == {"x": "y", LAST_USED: "2027-01-15"}


def test_a_day_that_is_known_changes_nothing() -> None:
    value = secret("a", **{LAST_USED: "2027-01-15"})
    assert used("2027-01-15", value) is value
    assert used("2027-01-16", value)["metadata"]["labels"][LAST_USED] == "2027-01-16"
