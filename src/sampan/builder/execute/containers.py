"""What executing steps needs of the manager of containers: a step runs on what containers run on."""

from typing import Protocol

from sampan.engine.containers.create import Created, CreateRequest, Root
from sampan.engine.ocispec.build import Defaults
from sampan.engine.ocispec.host import Host


class Containers(Protocol):
    @property
    def host(self) -> Host: ...

    @property
    def defaults(self) -> Defaults:
        """As the configuration has them now."""
        ...

    async def create_on(self, request: CreateRequest, root: Root) -> Created:
        """A container that stands on no image. Raises Invalid, AlreadyExists (name)."""
        ...
