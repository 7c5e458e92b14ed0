"""Finding containers."""

from typing import Any

import pytest

from sampan.engine.containers.container import Container
from sampan.engine.containers.index import Index
from sampan.engine.containers.record import ContainerRecord
from sampan.errors import AlreadyExists, Invalid, NotFound


def container(id: str, name: str) -> Container:
    empty: dict[str, Any] = {}
    return Container(ContainerRecord(id, name, "", "", "", "", [], empty, empty, cgroup=f"/{id}"))


@pytest.fixture
def index() -> Index:
    result = Index()
    for id, name in (("aaa111", "web"), ("aaa222", "db"), ("bbb333", "aaa1")):
        result.add(container(id, name))
    return result


@pytest.mark.parametrize(
    ("ref", "id"),
    [("aaa111", "aaa111"), ("web", "aaa111"), ("/web", "aaa111"), ("aaa2", "aaa222"), ("b", "bbb333"),
     # a name beats the start of an ID
     ("aaa1", "bbb333")],
)  # fmt: skip
async def test_found(index: Index, ref: str, id: str) -> None:
    assert index.find(ref).id == id


async def test_an_ambiguous_prefix_is_refused(index: Index) -> None:
    with pytest.raises(Invalid, match="multiple IDs found with provided prefix: aaa"):
        index.find("aaa")


@pytest.mark.parametrize("ref", ["nope", "", "aaa1111"])
async def test_unknown(index: Index, ref: str) -> None:
    with pytest.raises(NotFound, match=f"No such container: {ref}"):
        index.find(ref)


async def test_a_taken_name_says_by_whom(index: Index) -> None:
    with pytest.raises(AlreadyExists, match='name "/web" is already in use by container "aaa111"'):
        index.reserve("web", "ccc")
    index.reserve("web", "aaa111")


async def test_a_removed_container_frees_its_name(index: Index) -> None:
    index.remove(index.find("web"))
    index.reserve("web", "ccc")
    with pytest.raises(NotFound):
        index.find("aaa111")


async def test_a_reserved_name_is_not_found_before_its_container_exists(index: Index) -> None:
    index.reserve("new", "ddd")
    with pytest.raises(NotFound):
        index.find("new")
