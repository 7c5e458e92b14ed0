"""Bodies on their way."""

import asyncio
from typing import Any, cast

import pytest
from aiohttp import web

from sampan.kube.api import bodies
from sampan.specs.kubernetes.status import StatusError


class Stuck:
    """A request whose body stops in its middle."""

    headers: dict[str, str] = {}
    can_read_body = True

    @property
    def content(self) -> "Stuck":
        return self

    async def iter_any(self) -> Any:
        yield b"{"
        await asyncio.Event().wait()


async def test_a_body_that_stops_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 0.01)
    with pytest.raises(StatusError) as caught:
        await bodies.read(cast(web.BaseRequest, Stuck()))
    assert caught.value.code == 504
