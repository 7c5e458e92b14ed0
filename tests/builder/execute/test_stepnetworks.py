"""Steps of one build hand their network on; what none of them uses any more is closed."""

import os
from collections.abc import Sequence
from typing import Any, cast

from sampan.builder.execute.stepnetworks import IDLE, StepNetworks
from sampan.engine.networks.etc import StepFiles
from sampan.engine.networks.manager import Networks
from sampan.engine.networks.sandboxes import StepNetwork


class Fake:
    def __init__(self) -> None:
        self.opened: list[tuple[str, str, Sequence[str], str]] = []
        self.closed: list[str] = []

    async def open_step(self, id: str, mode: str, hosts: Sequence[str], hostname: str) -> StepNetwork:
        self.opened.append((id, mode, hosts, hostname))
        return StepNetwork(id, os.open("/dev/null", os.O_RDONLY), StepFiles("", ""))

    def close_step(self, step: StepNetwork) -> None:
        self.closed.append(step.id)


def networks(hosts: Sequence[str] = ()) -> tuple[Fake, StepNetworks]:
    fake: Any = Fake()
    return fake, StepNetworks(cast(Networks, fake), "b", hosts)


async def test_the_next_step_of_its_kind_gets_it() -> None:
    fake, steps = networks()
    first = await steps.take("bridge", "h")
    steps.give_back("bridge", "h", first)
    assert await steps.take("bridge", "h") is first
    others = [await steps.take("bridge", "h"), await steps.take("none", "h"), await steps.take("bridge", "i")]
    assert len({first.id, *(other.id for other in others)}) == len(fake.opened) == 4
    for sandbox in (first, *others):
        steps.close(sandbox)


async def test_few_are_kept_and_none_for_ever() -> None:
    fake, steps = networks()
    taken = [await steps.take("bridge", "h") for _ in range(IDLE + 2)]
    for sandbox in taken:
        steps.give_back("bridge", "h", sandbox)
    assert len(fake.closed) == 2
    steps.close_all()
    assert sorted(fake.closed) == sorted(sandbox.id for sandbox in taken)


async def test_hosts_are_told_with_colons() -> None:
    fake, steps = networks(["a:1.2.3.4", "b=::1", "c:::1"])
    steps.close(await steps.take("bridge", "h"))
    assert fake.opened[0][2] == ["a:1.2.3.4", "b:::1", "c:::1"]
