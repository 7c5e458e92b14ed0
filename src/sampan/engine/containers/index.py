"""Finding a container by what the user typed: full ID, name, or the start of an ID."""

from collections.abc import Iterator

from sampan.engine.containers.container import Container
from sampan.errors import AlreadyExists, Invalid, NotFound


class Index:
    def __init__(self) -> None:
        self._by_id: dict[str, Container] = {}
        self._names: dict[str, str] = {}  # name -> id; also of containers still being made

    def __iter__(self) -> Iterator[Container]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def by_id(self, id: str) -> Container | None:
        return self._by_id.get(id)

    def find(self, ref: str) -> Container:
        """Raises NotFound, or Invalid when the start of an ID fits several."""
        found = self._by_id.get(ref)
        if found is not None:
            return found
        id = self._names.get(ref.removeprefix("/"))
        if id is not None and id in self._by_id:
            return self._by_id[id]
        fitting = [container for id, container in self._by_id.items() if ref and id.startswith(ref)]
        if len(fitting) > 1:
            raise Invalid(f"multiple IDs found with provided prefix: {ref}")
        if not fitting:
            raise NotFound(f"No such container: {ref}")
        return fitting[0]

    def taken(self, name: str) -> bool:
        return name in self._names

    def reserve(self, name: str, id: str) -> None:
        """Raises AlreadyExists in Docker's words."""
        holder = self._names.setdefault(name, id)
        if holder != id:
            raise AlreadyExists(
                f'Conflict. The container name "/{name}" is already in use by container "{holder}". '
                "You have to remove (or rename) that container to be able to reuse that name."
            )

    def release(self, name: str) -> None:
        self._names.pop(name, None)

    def add(self, container: Container) -> None:
        self._by_id[container.id] = container
        self._names[container.name] = container.id

    def remove(self, container: Container) -> None:
        self._by_id.pop(container.id, None)
        if self._names.get(container.name) == container.id:
            del self._names[container.name]
