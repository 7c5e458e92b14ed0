"""How what a build has made becomes true: handed to whoever exports."""

from collections.abc import Awaitable, Callable, Sequence

from sampan.engine.images.store import Image, NewImage

# Instead of ImageStore.commit: the images and what the cache learnt, in one transaction; cheap when
# nothing is new. Whoever makes no image need not call it: the builder does at the end.
Commit = Callable[[Sequence[NewImage]], Awaitable[list[Image]]]
