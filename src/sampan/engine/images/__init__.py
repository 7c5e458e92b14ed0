"""Docker's images: what `engine.api.images` and the container manager ask for."""

from sampan.engine.images.create import Import
from sampan.engine.images.manager import Images
from sampan.engine.images.remove import Use
from sampan.engine.images.store import Image, ImageStore

__all__ = ["Image", "ImageStore", "Images", "Import", "Use"]
