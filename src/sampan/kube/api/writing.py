"""Creating, changing and deleting objects: the one way for every kind. docs/kubernetes.md, "The life of a
write".

k8s.io/apiserver/pkg/registry/generic/registry and .../rest say what happens in which order.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from sampan.kube.access.admission.request import AdmissionRequest
from sampan.kube.access.user import Attributes
from sampan.kube.api import deletion
from sampan.kube.api.calls import Call
from sampan.kube.api.options import DeleteOptions, WriteOptions, manager_name, revision_of
from sampan.kube.api.served import Served
from sampan.kube.kinds.resource import NO_COMPANIONS, Companions, Context, Object, Subresource
from sampan.kube.schema import gates
from sampan.kube.schema.ownership import managed
from sampan.kube.store.cache import Cache
from sampan.kube.store.items import Item
from sampan.kube.store.store import Mismatch
from sampan.specs.kubernetes import fielderror, status
from sampan.specs.kubernetes.fielderror import FieldError
from sampan.specs.kubernetes.generated import suffix, uid
from sampan.specs.kubernetes.object_meta import (
    common_update_errors,
    object_meta_errors,
    object_meta_update_errors,
)

ATTEMPTS = 5  # of a write whose object somebody else keeps changing
NAMES = 8  # that are tried for one generateName
LARGEST = 1536 << 10  # bytes of an object, etcd's limit of a request

CHANGED = "the object has been modified; please apply your changes to the latest version and try again"

Transform = Callable[[Object | None], Object]


class Admission(Protocol):
    """The chain of admission plugins."""

    async def mutate(self, request: AdmissionRequest) -> None: ...

    async def validate(self, request: AdmissionRequest) -> None: ...


@dataclass(frozen=True, slots=True)
class Written:
    """`item` is None where nothing is kept: a dry run, or an object that is `gone` now."""

    object: Object
    item: Item | None
    created: bool = False
    gone: bool = False


class Writer:
    def __init__(
        self,
        cache: Cache,
        admission: Admission,
        served: Callable[[str], Served | None],
        seal: Callable[[str, str, bytes], bytes],
        require: Callable[[Attributes], Awaitable[None]],
    ) -> None:
        """`served` finds a resource by its name; `seal` (resource, key, value) makes what is kept; `require`
        raises the StatusError of what somebody may not do.
        """
        self._require = require
        self._cache = cache
        self._admission = admission
        self._seal = seal
        self._find = served
        # What there is only once in the cluster is given out by one write at a time.
        self._allocation = asyncio.Lock()

    def _served(self, resource: str) -> Served:
        found = self._find(resource)
        assert found is not None, resource
        return found

    # --- create

    async def create(self, call: Call, new: Object, options: WriteOptions) -> Written:
        """`new` is decoded and has its defaults; it is changed in place."""
        metadata = new["metadata"]
        self._place(call, new)
        if call.name and metadata.get("name", "") != call.name:
            raise name_mismatch(metadata.get("name", ""), call.name)
        self._own(call, None, new, options)
        generated = metadata.get("generateName") and not metadata.get("name")
        request = self._request(call, "CREATE", new, None, _options("CreateOptions", options))
        for attempt in range(NAMES):
            if generated:
                metadata["name"] = _generated(metadata["generateName"])
            if attempt == 0:
                _begin(new, call)
                request.name = metadata.get("name", "")
                await self._admission.mutate(request)
                new = self._admitted(request)
                metadata = new["metadata"]
            try:
                return await self._insert(call, new, request, options)
            except status.StatusError as error:
                if not generated or error.reason != "AlreadyExists" or attempt == NAMES - 1:
                    raise
        raise AssertionError("unreachable")

    async def _insert(
        self, call: Call, new: Object, request: AdmissionRequest, options: WriteOptions
    ) -> Written:
        resource = call.served.resource
        context = call.context(dry_run=options.dry_run)
        if resource.allocate is not None:
            async with self._allocation:
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
        served, resource = call.served, call.served.resource
        if served.custom is None:
            gates.drop(served.node, new)
        resource.prepare_create(new, context)
        if resource.generation:
            new["metadata"]["generation"] = 1
        name = new["metadata"].get("name", "")
        errors = object_meta_errors(
            new["metadata"],
            namespaced=resource.namespaced,
            names=resource.names,
            standard_finalizers=resource.judges_metadata and resource.standard_finalizers,
        )
        own = resource.validate(new, context)
        errors = errors + own if resource.judges_metadata else own or errors
        if errors:
            raise status.invalid(served.stored_group, served.kind, name, errors)
        for text in resource.warnings(new, None, context):
            call.warn(text)
        key = served.key(call.namespace, name)
        request.name = name
        if self._cache.get(key) is not None:
            await self._admission.validate(request)
            raise self._taken(served, key, name)
        await self._admission.validate(request)
        if options.dry_run:
            return Written(new, None, created=True)
        await self.accompany(call, companions)
        try:
            with request.writing():
                item = await self._put(served, key, new, 0)
        except Mismatch:
            raise self._taken(served, key, name) from None
        return Written(new, item, created=True)

    def _taken(self, served: Served, key: str, name: str) -> status.StatusError:
        error = status.already_exists(served.group, served.plural, name)
        item = self._cache.get(key)
        if item is not None and "deletionTimestamp" in item.object["metadata"]:
            error.message = f"object is being deleted: {error.message}"
        return error

    async def accompany(self, call: Call, companions: Companions) -> None:
        """Write what belongs to an object. Companions without their object are found and removed later."""
        for resource, value in companions.create:
            served = self._served(resource)
            other = Call(served, call.user, call.reader, name=value["metadata"]["name"], now=call.now)
            _begin(value, other)
            value.setdefault("kind", served.kind)
            value.setdefault("apiVersion", served.api_version)
            if served.resource.generation:
                value["metadata"]["generation"] = 1
            with suppress(Mismatch):
                await self._put(served, served.key("", other.name), value, 0)
        for resource, name in companions.delete:
            await self._cache.write(self._served(resource).key("", name), None, expected=None)

    def _place(self, call: Call, new: Object) -> None:
        """The namespace of the path is the object's."""
        metadata = new["metadata"]
        given = metadata.get("namespace", "")
        if call.served.resource.namespaced:
            if given not in ("", call.namespace):
                raise status.bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
            metadata["namespace"] = call.namespace
        elif given:
            metadata.pop("namespace")

    # --- update

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
        served = call.served
        key = served.key(call.namespace, call.name)
        for attempt in range(ATTEMPTS):
            item = self._cache.get(key)
            if item is None:
                if not creates:
                    raise served.not_found(call.name)
                return await self._create_by_update(call, make, options, owned)
            await served.prepare([item])
            old = served.object(item)
            new = make(old)
            client_version = revision_of_object(served, new, call.name)
            try:
                return await self._replace(call, item, old, new, options, kind, owned)
            except Mismatch as mismatch:
                if mismatch.current is None:
                    raise served.not_found(call.name) from None
                if (client_version and kind == "UpdateOptions") or attempt == ATTEMPTS - 1:
                    raise status.conflict(served.group, served.plural, call.name, CHANGED) from None
        raise AssertionError("unreachable")

    async def admit(self, call: Call, value: Object, options: WriteOptions) -> Object:
        """What admission makes of an object that is not kept itself, but changes another."""
        request = self._request(call, "CREATE", value, None, _options("CreateOptions", options))
        await self._admission.mutate(request)
        await self._admission.validate(request)
        return self._admitted(request)

    async def change(self, call: Call, make: Callable[[Object], Object], options: WriteOptions) -> Written:
        """Write what an admitted object makes of another one: nobody is asked about that once more, and
        nobody comes to own its fields.
        """
        key = call.served.key(call.namespace, call.name)
        for _ in range(ATTEMPTS):
            item = self._cache.get(key)
            if item is None:
                raise call.served.not_found(call.name)
            with suppress(Mismatch):
                return await self._commit(call, item, make(call.served.object(item)), options)
        raise status.conflict(call.served.group, call.served.plural, call.name, CHANGED)

    async def _create_by_update(
        self,
        call: Call,
        make: Transform,
        options: WriteOptions,
        owned: bool,
    ) -> Written:
        new = make(None)
        uid = new["metadata"].pop("uid", "")
        if uid:
            if not owned:
                raise _other_uid(call, uid, "")
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise status.conflict(call.served.group, call.served.plural, call.name, why)
        self._place(call, new)
        check_name(call, new["metadata"])
        new["metadata"].pop("resourceVersion", None)
        if not owned:
            self._own(call, None, new, options)
        _begin(new, call)
        request = self._request(call, "CREATE", new, None, _options("CreateOptions", options))
        await self._admission.mutate(request)
        # Who may update or patch may not therefore create.
        await self._require(call.attributes("create"))
        return await self._insert(call, self._admitted(request), request, options)

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
        served, resource = call.served, call.served.resource
        self._identify(call, old, new, kind)
        if not owned:
            self._own(call, old, new, options)
        request = self._request(call, "UPDATE", new, old, _options(kind, options))
        await self._admission.mutate(request)
        new = self._admitted(request)
        version = revision_of_object(served, new, call.name)
        # A Scale need not know its object's version.
        if not version and not resource.unconditional_update and call.subresource != "scale":
            wrong = fielderror.invalid("metadata.resourceVersion", 0, "must be specified for an update")
            raise status.invalid(served.group, served.plural, call.name, [wrong])
        if version and version != item.revision:
            raise status.conflict(served.group, served.plural, call.name, CHANGED)
        new["metadata"]["resourceVersion"] = str(item.revision)
        context = call.context(dry_run=options.dry_run)
        if resource.allocate is not None and not call.subresource:
            async with self._allocation:
                companions = resource.allocate(new, old, context)
                written = await self._replace_valid(call, item, old, new, options, request, context)
                if not options.dry_run:
                    await self.accompany(call, companions)
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
        served, resource = call.served, call.served.resource
        errors = self._before_update(call, new, old, context)
        if errors:
            raise status.invalid(served.stored_group, served.kind, call.name, errors)
        for text in resource.warnings(new, old, context):
            call.warn(text)
        await self._admission.validate(request)
        managed.keep_times(new, old)
        with request.writing():
            return await self._commit(call, item, new, options)

    async def _commit(self, call: Call, item: Item, new: Object, options: WriteOptions) -> Written:
        """Write what has passed everything; a write that changes nothing is none."""
        served = call.served
        new["metadata"]["resourceVersion"] = str(item.revision)
        value = await served.bytes_of(new)
        if deletion.gone_after_update(served, new):
            if not options.dry_run:
                await self._cache.write(item.key, None, expected=item.revision)
            return Written(new, None)
        if served.same_value(item, value):
            return Written(new, item)
        _check_size(value)
        if options.dry_run:
            return Written(new, None)
        written = await self._keep(served, item.key, value, item.revision)
        if served.converter is not None:
            served.converter.remember(written, new)
        return Written(new, written)

    def _before_update(self, call: Call, new: Object, old: Object, context: Context) -> list[FieldError]:
        resource = call.served.resource
        sub = call.served.subresources.get(call.subresource) or Subresource("")
        before, after = old["metadata"], new["metadata"]
        _keep_system_fields(after, before)
        if call.served.custom is None:
            gates.drop(call.served.node, new)
        (sub.prepare_update or resource.prepare_update)(new, old, context)
        # A status comes from who has seen a generation, with annotations as well: it makes no new one.
        if call.subresource != "status" and _changed(new, old, resource.generation):
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

    def _identify(self, call: Call, old: Object, new: Object, kind: str) -> None:
        """The object sent must be the one that the path names."""
        metadata = new["metadata"]
        check_name(call, metadata)
        self._place(call, new)
        uid, actual = metadata.get("uid"), old["metadata"].get("uid")
        if uid and uid != actual and kind == "UpdateOptions":  # a patch hears that it cannot be changed
            raise _other_uid(call, uid, actual)

    # --- delete

    async def delete(self, call: Call, options: DeleteOptions, item: Item | None = None) -> Written:
        """Remove the object, or mark it as one that is on its way; raises StatusError."""
        served = call.served
        key = served.key(call.namespace, call.name)
        validated = False
        while True:
            item = self._cache.get(key)
            if item is None:
                raise served.not_found(call.name)
            await served.prepare([item])
            old = served.object(item)
            deletion.check_preconditions(served, call.name, old["metadata"], options)
            if not validated:
                warn_of_orphans(call, options)
                request = self._request(call, "DELETE", None, old, _delete_options(options))
                await self._admission.mutate(request)
                await self._admission.validate(request)
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
                    await self._cache.write(key, None, expected=item.revision)
                    await self._release(call, old, context)
                    return Written(went, None, gone=True)
                return Written(new, await self._put(served, key, new, item.revision))
            except Mismatch:
                continue

    async def _release(self, call: Call, old: Object, context: Context) -> None:
        """Give back what the object had of what there is only once."""
        allocate = call.served.resource.allocate
        if allocate is not None:
            async with self._allocation:
                await self.accompany(call, allocate(None, old, context))

    # --- pieces

    async def _put(self, served: Served, key: str, new: Object, expected: int) -> Item:
        value = await served.bytes_of(new)
        _check_size(value)
        item = await self._keep(served, key, value, expected)
        if served.converter is not None:
            served.converter.remember(item, new)
        return item

    async def _keep(self, served: Served, key: str, value: bytes, expected: int) -> Item:
        sealed = self._seal(served.resource.name, key, value)
        item = await self._cache.write(key, sealed, expected=expected, ttl=served.resource.ttl)
        assert item is not None
        return item

    def _own(self, call: Call, old: Object | None, new: Object, options: WriteOptions) -> None:
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

    def _request(
        self, call: Call, operation: str, new: Object | None, old: Object | None, options: dict[str, Any]
    ) -> AdmissionRequest:
        return AdmissionRequest(
            operation,
            call.served.resource,
            call.user,
            call.reader,
            call.namespace,
            call.name,
            call.subresource,
            new,
            old,
            options,
            bool(options.get("dryRun")),
            call.warnings,
            call.annotations,
        )

    @staticmethod
    def _admitted(request: AdmissionRequest) -> Object:
        assert request.object is not None
        return request.object


Change = Callable[[Object], Awaitable[Object]]


def warn_of_orphans(call: Call, options: DeleteOptions) -> None:
    """Tell who does not say what is to become of an object's dependents."""
    text = call.served.resource.orphan_warning
    if text and not options.propagation and options.orphan is None:
        call.warn(text)


def check_name(call: Call, metadata: Object) -> None:
    """Raises the BadRequest of an object that is not the one in the path."""
    name = metadata.get("name", "")
    if not name:
        raise status.bad_request(
            f"the name of the object ({call.name} based on URL) was undeterminable: name must be provided"
        )
    if name != call.name:
        raise name_mismatch(name, call.name)


def _other_uid(call: Call, uid: str, actual: str) -> status.StatusError:
    """As upstream's storage says it."""
    place = f"{call.namespace}/{call.name}" if call.namespace else call.name
    why = (
        f"StorageError: invalid object, Code: 4, Key: /registry/{call.served.plural}/{place}, "
        f"ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, "
        f"UID in object meta: {actual}"
    )
    return status.conflict(call.served.group, call.served.plural, call.name, why)


def name_mismatch(name: str, wanted: str) -> status.StatusError:
    return status.bad_request(
        f"the name of the object ({name}) does not match the name on the URL ({wanted})"
    )


def revision_of_object(served: Served, value: Object, name: str) -> int:
    """What a client says of the version it knows, 0 if nothing; raises StatusError."""
    metadata = value.get("metadata")
    text = metadata.get("resourceVersion", "") if isinstance(metadata, dict) else ""
    if not text or not isinstance(text, str):
        return 0
    try:
        return revision_of(text)
    except status.StatusError as error:
        detail = error.message.rpartition("strconv.")[2]
        raise status.StatusError("", f"strconv.{detail}", None, 500) from None


def _begin(new: Object, call: Call) -> None:
    """What the server alone decides of a new object's metadata."""
    metadata = new["metadata"]
    for key in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
        metadata.pop(key, None)
    metadata["uid"] = uid()
    metadata["creationTimestamp"] = call.stamp


def _generated(base: str) -> str:
    return base[:58] + suffix()


def _keep_system_fields(after: Object, before: Object) -> None:
    """Whatever a client says of them, or leaves out. That nothing is on its way out it cannot change either,
    but that is for validation to say.
    """
    for key in ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
        if key in before:
            after[key] = before[key]
        elif key in ("creationTimestamp", "generation"):
            after.pop(key, None)
    if not after.get("uid") and "uid" in before:
        after["uid"] = before["uid"]
    after.pop("selfLink", None)


def _changed(new: Object, old: Object, paths: tuple[str, ...]) -> bool:
    return any(_at(new, path) != _at(old, path) for path in paths)


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value or None


def _check_size(value: bytes) -> None:
    if len(value) > LARGEST:
        raise status.StatusError(
            "RequestEntityTooLarge", f"Request is too large: {len(value)} bytes, the limit is {LARGEST}"
        )


def _options(kind: str, options: WriteOptions) -> dict[str, Any]:
    """As admission sees them."""
    found: dict[str, Any] = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    if options.dry_run:
        found["dryRun"] = ["All"]
    if options.manager:
        found["fieldManager"] = options.manager
    if options.validation != "Warn":
        found["fieldValidation"] = options.validation
    if kind == "PatchOptions" and options.force:
        found["force"] = True
    return found


def _delete_options(options: DeleteOptions) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"}
    if options.dry_run:
        found["dryRun"] = ["All"]
    if options.grace is not None:
        found["gracePeriodSeconds"] = options.grace
    if options.propagation:
        found["propagationPolicy"] = options.propagation
    if options.orphan is not None:
        found["orphanDependents"] = options.orphan
    preconditions = {"uid": options.uid, "resourceVersion": options.resource_version}
    kept = {key: value for key, value in preconditions.items() if value is not None}
    if kept:
        found["preconditions"] = kept
    return found
