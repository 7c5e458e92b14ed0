"""Creating, changing and deleting objects: the one way for every kind. docs/kubernetes.md, "The life of a
write".

    objectidentity   which object it is            systemfields     what the server alone decides of it
    admissionrequests  what admission sees         keeping          the store, and what belongs to an object
    creating, updating, removing   what happens in which order
"""

from collections.abc import Awaitable, Callable

from sampan.kube.access.user import Attributes
from sampan.kube.api.admissionrequests import (
    Admission,
    admission_request,
    admitted,
    write_options_seen,
)
from sampan.kube.api.calls import Call
from sampan.kube.api.creating import Creator
from sampan.kube.api.keeping import Keeper, Seal, Written
from sampan.kube.api.options import DeleteOptions, WriteOptions
from sampan.kube.api.removing import Remover
from sampan.kube.api.served import Served
from sampan.kube.api.updating import Transform, Updater
from sampan.kube.kinds.resource import Object
from sampan.kube.store.cache import Cache


class Writer:
    """All raise StatusError."""

    def __init__(
        self,
        cache: Cache,
        admission: Admission,
        served: Callable[[str], Served | None],
        seal: Seal,
        require: Callable[[Attributes], Awaitable[None]],
    ) -> None:
        """`served` finds a resource by its name; `seal` (resource, key, value) makes what is kept; `require`
        raises the StatusError of what somebody may not do.
        """
        self._admission = admission
        self._keeper = Keeper(cache, served, seal)
        self._creator = Creator(self._keeper, admission)
        self._updater = Updater(self._keeper, admission, self._creator, require)
        self._remover = Remover(self._keeper, admission)

    async def create(self, call: Call, new: Object, options: WriteOptions) -> Written:
        """`new` is decoded and has its defaults; it is changed in place."""
        return await self._creator.create(call, new, options)

    async def update(
        self,
        call: Call,
        make: Transform,
        options: WriteOptions,
        *,
        kind: str = "UpdateOptions",
        creates: bool = False,
        owned: bool = False,
    ) -> Written:
        """`make` gets the object as it is (None: there is none, if `creates`) and returns the decoded new
        one.

        `owned`: it has said who owns which fields already (server-side apply).
        """
        return await self._updater.update(call, make, options, kind, creates=creates, owned=owned)

    async def change(self, call: Call, make: Callable[[Object], Object], options: WriteOptions) -> Written:
        """Write what an admitted object makes of another one: nobody is asked about that once more, and
        nobody comes to own its fields.
        """
        return await self._updater.change(call, make, options)

    async def admit(self, call: Call, value: Object, options: WriteOptions) -> Object:
        """What admission makes of an object that is not kept itself, but changes another."""
        seen = write_options_seen("CreateOptions", options)
        request = admission_request(call, "CREATE", value, None, seen)
        await self._admission.mutate(request)
        await self._admission.validate(request)
        return admitted(request)

    async def delete(self, call: Call, options: DeleteOptions) -> Written:
        """Remove the object, or mark it as one that is on its way."""
        return await self._remover.delete(call, options)
