"""Docker's noun "network": everything that can be asked of one, behind the class `Networks`."""

from sampan.engine.networks.manager import Networks
from sampan.engine.networks.sandboxes import Sandbox

__all__ = ["Networks", "Sandbox"]
