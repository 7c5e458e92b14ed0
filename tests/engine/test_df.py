"""`docker system df` while things go away."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from sampan.engine import df
from sampan.engine.containers.listing import Listing, ListQuery
from sampan.errors import NotFound


@dataclass(frozen=True)
class Volume:
    name: str

    def document(self) -> dict[str, Any]:
        return {"Name": self.name}


class Volumes:
    """`going` is removed while it is measured."""

    def __init__(self, *names: str, going: str) -> None:
        self.there = {name: Volume(name) for name in names}
        self.going = going

    def select(self, filters: dict[str, list[str]]) -> list[Volume]:
        return list(self.there.values())

    def get(self, name: str) -> Volume:
        if name not in self.there:
            raise NotFound(f"get {name}: no such volume")
        return self.there[name]

    async def size(self, volume: Volume) -> int:
        if volume.name == self.going:
            del self.there[volume.name]
        return 5

    def users(self, name: str) -> int:
        return 0


async def test_a_volume_that_goes_while_it_is_measured_is_left_out() -> None:
    engine = cast(Any, SimpleNamespace(volumes=Volumes("a", "b", "c", going="b")))
    assert [row["Name"] for row in await df.volumes(engine)] == ["a", "c"]


async def test_a_container_that_goes_while_it_is_measured_is_left_out(monkeypatch: Any) -> None:
    containers = {name: SimpleNamespace(id=name, record=None) for name in ("a", "b", "c")}

    async def size_of(record: Any) -> Any:
        containers.pop("b", None)
        return SimpleNamespace(rw=1, root=2)

    monkeypatch.setattr(Listing, "_chosen", lambda _, query: list(containers.values()))
    monkeypatch.setattr(Listing, "_row", lambda _, container: {"Id": containers[container.id].id})
    index, sizes = SimpleNamespace(by_id=containers.get), SimpleNamespace(of=size_of)
    listing = Listing(cast(Any, index), cast(Any, None), cast(Any, None), cast(Any, sizes))
    rows = await listing.rows_with_size(ListQuery(all=True, size=True))
    assert [row["Id"] for row in rows] == ["a", "c"]
