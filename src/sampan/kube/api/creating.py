"""Creating objects. k8s.io/apiserver/pkg/registry/generic/registry, Create; .../rest, BeforeCreate"""

from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.api import systemfields
from sampan.kube.api.admissionrequests import (
    Admission,
    admission_request,
    admitted,
    write_options_seen,
)
from sampan.kube.api.calls import Call
from sampan.kube.api.keeping import Keeper, Written
from sampan.kube.api.objectidentity import name_mismatch, place
from sampan.kube.api.options import WriteOptions, manager_name
from sampan.kube.api.served import Served
from sampan.kube.kinds.resource import NO_COMPANIONS, Companions, Context, Object
from sampan.kube.schema import gates
from sampan.kube.schema.ownership import managed
from sampan.kube.store.store import Mismatch
from sampan.specs.kubernetes import status
from sampan.specs.kubernetes.fielderror import FieldError
from sampan.specs.kubernetes.object_meta import object_meta_errors

NAMES = 8  # that are tried for one generateName


class Creator:
    def __init__(self, keeper: Keeper, admission: Admission) -> None:
        self._keeper = keeper
        self._admission = admission

    async def create(self, call: Call, new: Object, options: WriteOptions) -> Written:
        """`new` is decoded and has its defaults; it is changed in place."""
        metadata = new["metadata"]
        place(call, new)
        if call.name and metadata.get("name", "") != call.name:
            raise name_mismatch(metadata.get("name", ""), call.name)
        own(call, None, new, options)
        is_generated = metadata.get("generateName") and not metadata.get("name")
        seen = write_options_seen("CreateOptions", options)
        request = admission_request(call, "CREATE", new, None, seen)
        for attempt in range(NAMES):
            if is_generated:
                metadata["name"] = systemfields.generated(metadata["generateName"])
            if attempt == 0:
                systemfields.begin(new, call.stamp)
                request.name = metadata.get("name", "")
                await self._admission.mutate(request)
                new = admitted(request)
                metadata = new["metadata"]
            try:
                return await self.insert(call, new, request, options)
            except status.StatusError as error:
                if not is_generated or not status.is_already_there(error) or attempt == NAMES - 1:
                    raise
        raise AssertionError("unreachable")

    async def insert(
        self, call: Call, new: Object, request: AdmissionRequest, options: WriteOptions
    ) -> Written:
        """What mutating admission has seen already."""
        resource = call.served.resource
        context = call.context(dry_run=options.dry_run)
        if resource.allocate is not None:
            async with self._keeper.allocation:
                companions = resource.allocate(new, None, context)
                return await self._insert_valid(call, new, request, options, context, companions)
        return await self._insert_valid(call, new, request, options, context, NO_COMPANIONS)

    async def _insert_valid(
        self,
        call: Call,
        new: Object,
        request: AdmissionRequest,
        options: WriteOptions,
        context: Context,
        companions: Companions,
    ) -> Written:
        served = call.served
        errors = _before_create(served, new, context)
        name = new["metadata"].get("name", "")
        if errors:
            raise status.invalid(served.stored_group, served.kind, name, errors)
        for text in served.resource.warnings(new, None, context):
            call.warn(text)
        key = served.key(call.namespace, name)
        request.name = name
        await self._admission.validate(request)
        if self._keeper.cache.get(key) is not None:
            raise self._taken(served, key, name)
        if options.dry_run:
            return Written(new, None, created=True)
        await self._keeper.accompany(call, companions)
        try:
            with request.writing():
                item = await self._keeper.put(served, key, new, 0)
        except Mismatch:
            raise self._taken(served, key, name) from None
        return Written(new, item, created=True)

    def _taken(self, served: Served, key: str, name: str) -> status.StatusError:
        error = status.already_exists(served.group, served.plural, name)
        item = self._keeper.cache.get(key)
        if item is not None and "deletionTimestamp" in item.object["metadata"]:
            error.message = f"object is being deleted: {error.message}"
        return error


def _before_create(served: Served, new: Object, context: Context) -> list[FieldError]:
    """What is wrong with an object, once its kind has prepared it."""
    resource = served.resource
    if served.custom is None:
        gates.drop(served.node, new)
    resource.prepare_create(new, context)
    if resource.generation:
        new["metadata"]["generation"] = 1
    errors = object_meta_errors(
        new["metadata"],
        namespaced=resource.namespaced,
        names=resource.names,
        standard_finalizers=resource.judges_metadata and resource.standard_finalizers,
    )
    found = resource.validate(new, context)
    return errors + found if resource.judges_metadata else found or errors


def own(call: Call, old: Object | None, new: Object, options: WriteOptions) -> None:
    """Note in managedFields who has written what."""
    served = call.served
    managed.update(
        served.node,
        old,
        new,
        manager_name(options, call.agent),
        served.api_version,
        call.subresource,
        call.stamp,
        served.resource.reset_fields.get(call.subresource, ()),
    )
