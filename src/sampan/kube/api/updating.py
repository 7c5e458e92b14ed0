"""Changing objects, and creating them by an update where a kind has that.

k8s.io/apiserver/pkg/registry/generic/registry, Update; .../rest, BeforeUpdate
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.access.user import Attributes
from sampan.kube.api import systemfields
from sampan.kube.api.admissionrequests import (
    Admission,
    admission_request,
    admitted,
    write_options_seen,
)
from sampan.kube.api.calls import Call
from sampan.kube.api.creating import Creator, own
from sampan.kube.api.keeping import Keeper, Written
from sampan.kube.api.objectidentity import check_name, identify, other_uid, place, revision_of_object
from sampan.kube.api.options import WriteOptions
from sampan.kube.kinds.resource import Context, Object, Subresource
from sampan.kube.schema import gates
from sampan.kube.schema.ownership import managed
from sampan.kube.store.items import Item
from sampan.kube.store.store import Mismatch
from sampan.specs.kubernetes import fielderror, status
from sampan.specs.kubernetes.fielderror import FieldError
from sampan.specs.kubernetes.object_meta import common_update_errors, object_meta_update_errors

ATTEMPTS = 5  # of a write whose object somebody else keeps changing
CHANGED = "the object has been modified; please apply your changes to the latest version and try again"

Transform = Callable[[Object | None], Object]
Require = Callable[[Attributes], Awaitable[None]]


class Updater:
    def __init__(self, keeper: Keeper, admission: Admission, creator: Creator, require: Require) -> None:
        """`require` raises the StatusError of what somebody may not do."""
        self._keeper = keeper
        self._admission = admission
        self._creator = creator
        self._require = require

    async def update(
        self, call: Call, make: Transform, options: WriteOptions, kind: str, *, creates: bool, owned: bool
    ) -> Written:
        """As Writer.update."""
        served = call.served
        key = served.key(call.namespace, call.name)
        for attempt in range(ATTEMPTS):
            item = self._keeper.cache.get(key)
            if item is None:
                if not creates:
                    raise served.not_found(call.name)
                return await self._create(call, make, options, owned)
            await served.prepare([item])
            old = served.object(item)
            new = make(old)
            client_version = revision_of_object(new)
            try:
                return await self._replace(call, item, old, new, options, kind, owned)
            except Mismatch as mismatch:
                if mismatch.current is None:
                    raise served.not_found(call.name) from None
                if (client_version and kind == "UpdateOptions") or attempt == ATTEMPTS - 1:
                    raise _conflict(call) from None
        raise AssertionError("unreachable")

    async def change(self, call: Call, make: Callable[[Object], Object], options: WriteOptions) -> Written:
        """As Writer.change."""
        key = call.served.key(call.namespace, call.name)
        for _ in range(ATTEMPTS):
            item = self._keeper.cache.get(key)
            if item is None:
                raise call.served.not_found(call.name)
            with suppress(Mismatch):
                return await self._keeper.commit(call, item, make(call.served.object(item)), options)
        raise _conflict(call)

    async def _create(self, call: Call, make: Transform, options: WriteOptions, owned: bool) -> Written:
        new = make(None)
        uid = new["metadata"].pop("uid", "")
        if uid:
            if not owned:
                raise other_uid(call, uid, "")
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise status.conflict(call.served.group, call.served.plural, call.name, why)
        place(call, new)
        check_name(call, new["metadata"])
        new["metadata"].pop("resourceVersion", None)
        if not owned:
            own(call, None, new, options)
        systemfields.begin(new, call.stamp)
        seen = write_options_seen("CreateOptions", options)
        request = admission_request(call, "CREATE", new, None, seen)
        await self._admission.mutate(request)
        # Who may update or patch may not therefore create.
        await self._require(call.attributes("create"))
        return await self._creator.insert(call, admitted(request), request, options)

    async def _replace(
        self,
        call: Call,
        item: Item,
        old: Object,
        new: Object,
        options: WriteOptions,
        kind: str,
        owned: bool,
    ) -> Written:
        resource = call.served.resource
        identify(call, old, new, kind)
        if not owned:
            own(call, old, new, options)
        request = admission_request(call, "UPDATE", new, old, write_options_seen(kind, options))
        await self._admission.mutate(request)
        new = admitted(request)
        _check_version(call, item, new)
        new["metadata"]["resourceVersion"] = str(item.revision)
        context = call.context(dry_run=options.dry_run)
        if resource.allocate is not None and not call.subresource:
            async with self._keeper.allocation:
                companions = resource.allocate(new, old, context)
                written = await self._replace_valid(call, item, old, new, options, request, context)
                if not options.dry_run:
                    await self._keeper.accompany(call, companions)
                return written
        return await self._replace_valid(call, item, old, new, options, request, context)

    async def _replace_valid(
        self,
        call: Call,
        item: Item,
        old: Object,
        new: Object,
        options: WriteOptions,
        request: AdmissionRequest,
        context: Context,
    ) -> Written:
        served = call.served
        errors = _before_update(call, new, old, context)
        if errors:
            raise status.invalid(served.stored_group, served.kind, call.name, errors)
        for text in served.resource.warnings(new, old, context):
            call.warn(text)
        await self._admission.validate(request)
        managed.keep_times(new, old)
        with request.writing():
            return await self._keeper.commit(call, item, new, options)


def _conflict(call: Call) -> status.StatusError:
    return status.conflict(call.served.group, call.served.plural, call.name, CHANGED)


def _check_version(call: Call, item: Item, new: Object) -> None:
    served = call.served
    version = revision_of_object(new)
    # A Scale need not know its object's version.
    if not version and not served.resource.unconditional_update and call.subresource != "scale":
        wrong = fielderror.invalid("metadata.resourceVersion", 0, "must be specified for an update")
        raise status.invalid(served.group, served.plural, call.name, [wrong])
    if version and version != item.revision:
        raise _conflict(call)


def _before_update(call: Call, new: Object, old: Object, context: Context) -> list[FieldError]:
    """What is wrong with an object, once its kind has put right what a client may not change."""
    resource = call.served.resource
    sub = call.served.subresources.get(call.subresource) or Subresource("")
    before, after = old["metadata"], new["metadata"]
    systemfields.keep(after, before)
    if call.served.custom is None:
        gates.drop(call.served.node, new)
    (sub.prepare_update or resource.prepare_update)(new, old, context)
    # A status comes from who has seen a generation, with annotations as well: it makes no new one.
    if call.subresource != "status" and systemfields.is_changed(new, old, resource.generation):
        after["generation"] = before.get("generation", 0) + 1
    errors = common_update_errors(after, before, namespaced=resource.namespaced)
    if resource.judges_metadata:  # and says once more what has been said
        standard = resource.standard_finalizers
        errors += object_meta_update_errors(after, before, standard_finalizers=standard)
    if sub.validate_update is not None:
        return errors + sub.validate_update(new, old, context)
    if resource.validate_update is not None:
        return errors + resource.validate_update(new, old, context)
    return errors + resource.validate(new, context)
