"""Deleting objects; deletion.py says what becomes of one.

k8s.io/apiserver/pkg/registry/generic/registry, Delete
"""

from sampan.kube.api import deletion
from sampan.kube.api.admissionrequests import Admission, admission_request, delete_options_seen
from sampan.kube.api.calls import Call
from sampan.kube.api.keeping import Keeper, Written
from sampan.kube.api.options import DeleteOptions
from sampan.kube.kinds.resource import Context, Object
from sampan.kube.store.store import Mismatch


class Remover:
    def __init__(self, keeper: Keeper, admission: Admission) -> None:
        self._keeper = keeper
        self._admission = admission

    async def delete(self, call: Call, options: DeleteOptions) -> Written:
        """Remove the object, or mark it as one that is on its way; raises StatusError."""
        served = call.served
        key = served.key(call.namespace, call.name)
        validated = False
        while True:
            item = self._keeper.cache.get(key)
            if item is None:
                raise served.not_found(call.name)
            await served.prepare([item])
            old = served.object(item)
            deletion.check_preconditions(served, call.name, old["metadata"], options)
            if not validated:
                await self._admit(call, old, options)
                validated = True
            context = call.context(dry_run=options.dry_run)
            new, gone = deletion.marked(served, old, options, context, call.now)
            if new is None:
                return Written(old, item)
            went = new if served.resource.grace is not None else old
            if options.dry_run:
                return Written(went if gone else new, None, gone=gone)
            try:
                if gone:
                    await self._keeper.cache.write(key, None, expected=item.revision)
                    await self._release(call, old, context)
                    return Written(went, None, gone=True)
                return Written(new, await self._keeper.put(served, key, new, item.revision))
            except Mismatch:
                continue

    async def _admit(self, call: Call, old: Object, options: DeleteOptions) -> None:
        warn_of_orphans(call, options)
        request = admission_request(call, "DELETE", None, old, delete_options_seen(options))
        await self._admission.mutate(request)
        await self._admission.validate(request)

    async def _release(self, call: Call, old: Object, context: Context) -> None:
        """Give back what the object had of what there is only once."""
        allocate = call.served.resource.allocate
        if allocate is not None:
            async with self._keeper.allocation:
                await self._keeper.accompany(call, allocate(None, old, context))


def warn_of_orphans(call: Call, options: DeleteOptions) -> None:
    """Tell who does not say what is to become of an object's dependents."""
    text = call.served.resource.orphan_warning
    if text and not options.propagation and options.orphan is None:
        call.warn(text)
