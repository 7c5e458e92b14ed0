"""Docker's noun "container": everything that can be asked of one, behind the class `Containers`."""

from sampan.engine.containers.manager import Containers
from sampan.engine.containers.record import ContainerRecord, State

__all__ = ["ContainerRecord", "Containers", "State"]
