"""Patches: JSON, merge, strategic merge, and server-side apply."""

from collections.abc import Callable
from typing import Any

import orjson

from sampan.kube.api import bodies
from sampan.kube.api.calls import Call
from sampan.kube.api.keeping import Written
from sampan.kube.api.options import WriteOptions, manager_name, write_options
from sampan.kube.api.served import Served
from sampan.kube.api.writing import Writer
from sampan.kube.kinds.resource import Object
from sampan.kube.schema import builtin, decoding
from sampan.kube.schema.ownership import applying, managed
from sampan.kube.schema.patches import jsonpatch, mergepatch, strategic
from sampan.kube.schema.yamlparsing import read_yaml
from sampan.specs.kubernetes import fielderror, status
from sampan.specs.kubernetes.object_meta import in_order

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
BUILT_IN = (JSON_PATCH, MERGE_PATCH, STRATEGIC, APPLY)
CUSTOM = (JSON_PATCH, MERGE_PATCH, APPLY)


class Patcher:
    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def patch(self, call: Call, content_type: str | None, data: bytes) -> Written:
        """Raises StatusError."""
        served = call.served
        media = (content_type or "").partition(";")[0].strip().lower()
        if media not in (BUILT_IN if served.custom is None else CUSTOM):
            raise _unsupported(served)
        options = write_options(call.query, "PatchOptions", call.dry_runs, apply=media == APPLY)
        if media == APPLY:
            return await self._apply(call, data, options)
        change, problems = _change(served, media, data)

        def make(old: Object | None) -> Object:
            assert old is not None
            return _patched(call, served, old, change, options, problems)

        return await self._writer.update(call, make, options, kind="PatchOptions")

    def change_of(
        self, call: Call, form: Served, content_type: str | None, data: bytes
    ) -> tuple[Callable[[Object], Object], WriteOptions]:
        """A patch of a subresource that has a `form` of its own, as a function of that; raises StatusError.

        The function's result says in its managedFields who owns what of it.
        """
        media = (content_type or "").partition(";")[0].strip().lower()
        if media not in BUILT_IN:
            raise _unsupported(call.served)
        options = write_options(call.query, "PatchOptions", call.dry_runs, apply=media == APPLY)
        if media == APPLY:
            applied = _applied(call, form, data, options)
            return lambda old: _merged(call, form, old, applied, options), options
        change, problems = _change(form, media, data)

        def make(old: Object) -> Object:
            new = _patched(call, form, old, change, options, problems)
            own(call, form, old, new, options)
            return new

        return make, options

    async def _apply(self, call: Call, data: bytes, options: WriteOptions) -> Written:
        served = call.served
        applied = _applied(call, served, data, options)

        def make(old: Object | None) -> Object:
            if old is None and call.subresource:
                raise served.not_found(call.name)
            return _merged(call, served, old, applied, options)

        return await self._writer.update(
            call, make, options, kind="PatchOptions", creates=not call.subresource, owned=True
        )


def own(call: Call, form: Served, old: Object, new: Object, options: WriteOptions) -> None:
    """Say in `new` who owns what of it, after a write that is no apply."""
    manager = manager_name(options, call.agent)
    managed.update(form.node, old, new, manager, form.api_version, call.subresource, call.stamp)


def _patched(
    call: Call,
    served: Served,
    old: Object,
    change: Callable[[Object], Any],
    options: WriteOptions,
    problems: list[str],
) -> Object:
    # Its order is what a client sees where a patch makes no object of it.
    value = change({**old, "metadata": in_order(old["metadata"])})
    _check_type(served, call.name, value)
    try:
        decoded = served.decode(value)
    except decoding.DecodeError as error:
        raise _no_object(value, str(error)) from None
    bodies.complain(call, options, served.kind, served.resource.version, [*problems, *decoded.unknown])
    return _completed(served, decoded.object)


def _completed(served: Served, new: Object) -> Object:
    new["kind"], new["apiVersion"] = served.kind, served.api_version
    if not isinstance(new.get("metadata"), dict):
        new["metadata"] = {}
    served.resource.default(new)
    return new


def _merged(call: Call, served: Served, old: Object | None, applied: Object, options: WriteOptions) -> Object:
    """What is there with what was applied. Nothing is filled in before: whoever applied would own that."""
    merged = applying.apply(
        served.node,
        old,
        orjson.loads(orjson.dumps(applied)),
        options.manager,
        served.api_version,
        call.subresource,
        call.stamp,
        options.force,
        served.resource.reset_fields.get(call.subresource, ()),
        kind=served.kind,
    )
    try:
        return _completed(served, served.decode(merged).object)
    except decoding.DecodeError as error:
        raise status.internal(str(error)) from None


def _applied(call: Call, served: Served, data: bytes, options: WriteOptions) -> Object:
    """What was sent; raises StatusError."""
    try:
        value, duplicates = read_yaml(data)
    except decoding.DecodeError as error:
        raise status.bad_request(f"error decoding YAML: error converting YAML to JSON: {error}") from None
    if value is None:
        value = {}
    if not isinstance(value, dict):
        why = decoding.go_kind(value)
        raise status.bad_request(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: "
            f"json: cannot unmarshal {why} into Go value of type map[string]interface {{}}"
        )
    bodies.complain(call, options, served.kind, served.resource.version, duplicates)
    return value


def _change(served: Served, media: str, data: bytes) -> tuple[Callable[[Object], Any], list[str]]:
    """The patch, parsed, as a function of the object as it is; and what field validation says of it.

    Raises StatusError.
    """
    if media == JSON_PATCH:
        operations, problems = jsonpatch.parse(data)
        return lambda old: jsonpatch.apply(old, operations), problems
    if media == MERGE_PATCH:
        patch, problems = mergepatch.parse(data)
        return lambda old: mergepatch.apply(old, patch), problems
    patch, problems = strategic.parse(data)
    return lambda old: strategic.apply(served.node, old, patch), problems


def _check_type(served: Served, name: str, value: Any) -> None:
    """A patch may not make another kind of it. One that takes the kind away does not."""
    if not isinstance(value, dict):
        return
    version, kind = value.get("apiVersion") or served.api_version, value.get("kind") or served.kind
    if (version, kind) == (served.api_version, served.kind):
        return
    if not (isinstance(version, str) and isinstance(kind, str)):
        return  # decoding it says so
    if served.custom is not None:
        wanted = {"kind": (kind, served.kind), "apiVersion": (version, served.api_version)}
        errors = [
            fielderror.invalid(field, sent, f"must be {ours}")
            for field, (sent, ours) in wanted.items()
            if sent != ours
        ]
        raise status.invalid(served.stored_group, served.kind, name, errors)
    raise _no_object(value, bodies.other_kind(served, value, version, kind, builtin.is_kind))


def _no_object(value: Any, why: str) -> status.StatusError:
    return status.invalid("", "", "", [fielderror.invalid("patch", _shown(value), why)])


def _shown(value: Any) -> str:
    """An object as Go's encoder writes it, which sorts the keys at the top (it is a map there)."""
    if not isinstance(value, dict):
        return orjson.dumps(value).decode()
    return orjson.dumps({key: value[key] for key in sorted(value)}).decode()


def _unsupported(served: Served) -> status.StatusError:
    if served.custom is None:
        return status.StatusError("UnsupportedMediaType", "415: Unsupported Media Type", {})
    listed = ", ".join(CUSTOM)
    return status.StatusError(
        "UnsupportedMediaType",
        f"the body of the request was in an unknown format - accepted media types include: {listed}",
    )
