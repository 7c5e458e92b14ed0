"""Patches: JSON, merge, strategic merge, and server-side apply."""

from collections.abc import Callable
from typing import Any

import orjson

from sampan.kube.api import bodies
from sampan.kube.api.calls import Call
from sampan.kube.api.options import WriteOptions, write_options
from sampan.kube.api.served import Served
from sampan.kube.api.writing import Writer, Written, check_name
from sampan.kube.kinds.resource import Object
from sampan.kube.schema import decoding
from sampan.kube.schema.ownership import managed
from sampan.kube.schema.patches import jsonpatch, mergepatch, strategic
from sampan.specs.golang.jsonsyntax import syntax_error
from sampan.specs.kubernetes import fielderror, status

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
        change = _change(served, media, data)

        def make(old: Object | None) -> Object:
            assert old is not None
            return self._patched(call, old, change, options)

        return await self._writer.update(call, make, options, kind="PatchOptions")

    def change_of(
        self, call: Call, form: Served, content_type: str | None, data: bytes
    ) -> tuple[Callable[[Object], Object], WriteOptions]:
        """A patch of a subresource with a `form` of its own, as a function of that; raises StatusError."""
        media = (content_type or "").partition(";")[0].strip().lower()
        if media not in (JSON_PATCH, MERGE_PATCH, STRATEGIC):
            raise _unsupported(call.served)
        options = write_options(call.query, "PatchOptions", call.dry_runs)
        change = _change(form, media, data)
        return lambda old: self._patched(call, old, change, options, form), options

    def _patched(
        self,
        call: Call,
        old: Object,
        change: Callable[[Object], Any],
        options: WriteOptions,
        form: Served | None = None,
    ) -> Object:
        served = form or call.served
        value = change(old)
        try:
            decoded = served.decode(value, served.kind)
        except decoding.DecodeError as error:
            shown = fielderror.invalid("patch", _shown(value), str(error))
            raise status.invalid("", "", "", [shown]) from None
        bodies.complain(call, options, served.kind, served.resource.version, list(decoded.unknown))
        new = decoded.object
        _check_type(served, new)
        new["kind"], new["apiVersion"] = served.kind, served.api_version
        if not isinstance(new.get("metadata"), dict):
            new["metadata"] = {}
        served.resource.default(new)
        return new

    # --- server-side apply

    async def _apply(self, call: Call, data: bytes, options: WriteOptions) -> Written:
        served = call.served
        value, duplicates = _parse_applied(data)
        applied = self._applied(call, value, duplicates, options)

        def make(old: Object | None) -> Object:
            if old is None and call.subresource:
                raise served.not_found(call.name)
            return orjson.loads(orjson.dumps(applied))  # type: ignore[no-any-return]

        def owner(old: Object | None, new: Object) -> Object:
            merged = managed.apply(
                served.node,
                old,
                new,
                options.manager,
                served.api_version,
                call.subresource,
                call.stamp,
                options.force,
                served.resource.reset_fields.get(call.subresource, ()),
                kind=served.kind,
            )
            found = served.decode(merged, served.kind).object
            found["kind"], found["apiVersion"] = served.kind, served.api_version
            served.resource.default(found)
            return found

        return await self._writer.update(
            call, make, options, kind="PatchOptions", creates=not call.subresource, owner=owner
        )

    def _applied(self, call: Call, value: Object, duplicates: list[str], options: WriteOptions) -> Object:
        """What was sent. Its defaults stay out: whoever sent it would own them."""
        served = call.served
        metadata = value.get("metadata")
        if isinstance(metadata, dict) and not metadata.get("name"):
            metadata["name"] = call.name
        if not isinstance(metadata, dict):
            value["metadata"] = metadata = {"name": call.name}
        check_name(call, metadata)
        bodies.complain(call, options, served.kind, served.resource.version, duplicates)
        return value


def _change(served: Served, media: str, data: bytes) -> Callable[[Object], Any]:
    """The patch, parsed, as a function of the object as it is. Raises StatusError."""
    try:
        patch = orjson.loads(data)
    except orjson.JSONDecodeError:
        wrong = syntax_error(data.decode("utf-8", "replace")) or "invalid UTF-8"
        raise status.bad_request(f"error decoding patch: {wrong}") from None
    if media == JSON_PATCH:
        return lambda old: jsonpatch.apply(old, patch)
    if media == MERGE_PATCH:
        return lambda old: mergepatch.apply(old, patch)
    return lambda old: strategic.apply(served.node, old, patch)


def _parse_applied(data: bytes) -> tuple[Object, list[str]]:
    try:
        value, duplicates = decoding.parse_yaml(data)
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
    return value, duplicates


def _check_type(served: Served, new: Object) -> None:
    """A patch may not make another kind of it."""
    if new.get("kind") != served.kind or new.get("apiVersion") != served.api_version:
        raise status.bad_request("the patch changes the kind or the version of the object")


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
