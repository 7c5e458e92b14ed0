"""What each verb does, for every kind: from a Call to an answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from aiohttp import web

from sampan.kube.api import answers, bodies, negotiation, tables
from sampan.kube.api.calls import Call
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.encoded import Encoded
from sampan.kube.api.keeping import Written
from sampan.kube.api.negotiation import CUSTOM_OFFERED, JSON, OFFERED, PROTOBUF, Form
from sampan.kube.api.objectidentity import check_name
from sampan.kube.api.options import (
    WriteOptions,
    delete_options,
    list_options,
    write_options,
)
from sampan.kube.api.patching import Patcher
from sampan.kube.api.paths import Target
from sampan.kube.api.reading import Lister, Listing
from sampan.kube.api.removing import warn_of_orphans
from sampan.kube.api.served import Served
from sampan.kube.api.watches import Watches
from sampan.kube.api.writing import Writer
from sampan.kube.kinds.resource import Object
from sampan.kube.schema import protobuf
from sampan.kube.store.cache import Cache
from sampan.kube.store.items import Item
from sampan.specs.kubernetes import status

TURN = 100  # objects that are encoded before others have their turn
T = TypeVar("T")
KINDS = (tables.TABLE, tables.METADATA, tables.METADATA_LIST)
Special = Callable[[web.BaseRequest, Call, str, Target], Awaitable[web.StreamResponse]]


@dataclass
class Verbs:
    """`special` has what does not behave as a stored resource does: (resource name, subresource)."""

    catalog: Catalog
    cache: Cache
    lister: Lister
    writer: Writer
    patcher: Patcher
    special: dict[tuple[str, str], Special]
    watches: Watches
    clock: Callable[[], float] = time.time
    encoded: Encoded = field(default_factory=Encoded)

    async def perform(
        self, request: web.BaseRequest, call: Call, verb: str, target: Target
    ) -> web.StreamResponse:
        served = call.served
        allowed = served.subresources[call.subresource].verbs if call.subresource else served.resource.verbs
        special = self.special.get((served.resource.name, call.subresource))
        if verb not in allowed or request.method == "HEAD":
            if verb == "watch" and "list" in allowed:
                message = f'watch is not supported on resources of kind "{served.plural}"'
                raise status.StatusError("MethodNotAllowed", message, {"kind": served.plural})
            raise not_allowed()
        if verb == "create" and served.resource.namespaced and not call.namespace:
            raise not_allowed()
        if verb in ("update", "patch") and not call.name:
            raise not_allowed()
        if verb == "create" and call.name and not call.subresource:
            raise not_allowed()
        if special is not None:
            return await special(request, call, verb, target)
        offered = OFFERED if served.custom is None else CUSTOM_OFFERED
        accept = request.headers.get("Accept", "")
        if verb == "watch":
            form = negotiation.choose_stream(accept, offered, KINDS)
        else:
            form = negotiation.choose(accept, offered, KINDS)
        found: web.StreamResponse = await getattr(self, f"_{verb}")(request, call, form)
        return found

    # --- reading

    async def _get(self, request: web.BaseRequest, call: Call, form: Form) -> web.StreamResponse:
        item = await self.lister.get(call)
        return self._item(call, item, form, 200)

    async def _list(self, request: web.BaseRequest, call: Call, form: Form) -> web.StreamResponse:
        options = list_options(call.query)
        listing = await self.lister.listing(call, options)
        return await self._listing(call, listing, form)

    async def _listing(self, call: Call, listing: Listing, form: Form) -> web.StreamResponse:
        served = call.served
        metadata: dict[str, Any] = {"resourceVersion": str(listing.revision)}
        if listing.token:
            metadata["continue"] = listing.token
            if listing.remaining:
                metadata["remainingItemCount"] = listing.remaining
        elif served.custom is not None and not form.kind:
            metadata["continue"] = ""  # their lists are maps, in which nothing is left out
        if form.kind == "Table":
            include = tables.include_of(call.query.get("includeObject", ""))
            now = self.clock()
            rows = await _in_turns(
                listing.items, lambda item: tables.encoded_row(served, served.peek(item), include, now)
            )
            return answers.json_answer(tables.table(served, rows, metadata))
        if form.kind == tables.METADATA_LIST[2]:
            found = tables.metadata_list(listing.items, served, metadata)
            return (
                answers.json_answer(found)
                if form.media == JSON
                else answers.answer(orjson.loads(found), form)
            )
        if form.kind:
            raise negotiation.not_acceptable(OFFERED, plain=False)
        if form.media == PROTOBUF and listing.items:
            raws = await _in_turns(listing.items, lambda item: self.encoded.of(served, item))
            data = protobuf.encode_list(served.api_version, f"{served.kind}List", metadata, raws)
            return answers.message(data)
        joined = b",".join([served.list_item(item) for item in listing.items])
        body = served.list_head + b',"metadata":' + orjson.dumps(metadata) + b',"items":[' + joined + b"]}"
        if form.media == JSON and not form.pretty:
            return answers.json_answer(body)
        return answers.answer(orjson.loads(body), form)

    async def _watch(self, request: web.BaseRequest, call: Call, form: Form) -> web.StreamResponse:
        return await self.watches.serve(request, call, form)

    # --- writing

    async def _create(self, request: web.BaseRequest, call: Call, form: Form) -> web.StreamResponse:
        options = write_options(call.query, "CreateOptions", call.dry_runs)
        new = await self.body(request, call, options)
        return self._written(call, await self.writer.create(call, new, options), form)

    async def _update(self, request: web.BaseRequest, call: Call, form: Form) -> web.StreamResponse:
        options = write_options(call.query, "UpdateOptions", call.dry_runs)
        served = call.served
        data = await bodies.read(request)
        body = bodies.Body(data, request.headers.get("Content-Type"), served)

        check_name(call, self._decoded(call, body, options)["metadata"])

        def make(_old: Object | None) -> Object:
            return self._decoded(call, body, options)

        creates = served.resource.create_on_update and not call.subresource
        return self._written(call, await self.writer.update(call, make, options, creates=creates), form)

    async def _patch(self, request: web.BaseRequest, call: Call, form: Form) -> web.StreamResponse:
        data = await bodies.read(request)
        return self._written(
            call, await self.patcher.patch(call, request.headers.get("Content-Type"), data), form
        )

    async def body(self, request: web.BaseRequest, call: Call, options: WriteOptions) -> Object:
        """The object that was sent, decoded; raises StatusError."""
        data = await bodies.read(request)
        body = bodies.Body(data, request.headers.get("Content-Type"), call.served)
        return self._decoded(call, body, options)

    def _decoded(self, call: Call, body: bodies.Body, options: WriteOptions) -> Object:
        served = call.served
        value = body.value(served.kind)
        bodies.check_kind(served, value, self.catalog.knows)
        return bodies.decode(call, served, body, options, value)

    # --- deleting

    async def _delete(self, request: web.BaseRequest, call: Call, form: Form) -> web.StreamResponse:
        options = delete_options(await self._delete_body(request), call.query, call.dry_runs)
        written = await self.writer.delete(call, options)
        if written.gone and not call.served.resource.deletion_returns_object:
            return answers.answer(_success(call.served, written.object), Form(form.media))
        return self._written(call, written, form)

    async def _deletecollection(self, request: web.BaseRequest, call: Call, form: Form) -> web.StreamResponse:
        if call.served.resource.namespaced and not call.namespace:
            raise not_allowed()
        options = delete_options(await self._delete_body(request), call.query, call.dry_runs)
        warn_of_orphans(call, options)
        listing = await self.lister.listing(call, list_options(call.query))
        kept: list[Item] = []
        for item in listing.items:
            one = Call(
                call.served,
                call.user,
                call.reader,
                item.namespace,
                item.name,
                "",
                call.agent,
                {},
                [],
                call.now,
                call.warnings,
                call.annotations,
            )
            try:
                written = await self.writer.delete(one, options)
            except status.StatusError as error:
                if error.reason != "NotFound":
                    raise
                continue
            kept.append(written.item or item)
        return await self._listing(call, Listing(kept, listing.revision), form)

    async def _delete_body(self, request: web.BaseRequest) -> dict[str, Any] | None:
        data = await bodies.read(request)
        if not data:
            return None
        return bodies.delete_options_body(data, request.headers.get("Content-Type"))

    # --- answers

    def _written(self, call: Call, written: Written, form: Form) -> web.StreamResponse:
        code = 201 if written.created else 200
        if written.item is not None and form == negotiation.PLAIN:
            return answers.json_answer(call.served.json(written.item), code)
        if written.item is not None:
            return self._item(call, written.item, form, code)
        value = written.object
        return answers.answer(value if not form.kind else tables.partial(value), Form(form.media), code)

    def _item(self, call: Call, item: Item, form: Form, code: int) -> web.StreamResponse:
        served = call.served
        if form.kind == "Table":
            include = tables.include_of(call.query.get("includeObject", ""))
            metadata = {"resourceVersion": str(item.revision)}
            rows = [tables.encoded_row(served, served.peek(item), include, self.clock())]
            return answers.json_answer(tables.table(served, rows, metadata), code)
        if form.kind == tables.METADATA_LIST[2]:
            what = f"*{served.group.split('.')[0] or 'core'}.{served.kind}"
            message = f"you requested {form.kind}, but the requested object is not a list ({what})"
            raise status.StatusError("NotAcceptable", message)
        if form.kind:
            return answers.answer(tables.partial(served.object(item)), Form(form.media), code)
        if form.media == JSON and not form.pretty:
            return answers.json_answer(served.json(item), code)
        return answers.answer(served.object(item), form, code)


def _success(served: Served, value: Object) -> Object:
    details = {"name": value["metadata"].get("name", ""), "group": served.group, "kind": served.plural}
    details["uid"] = value["metadata"].get("uid", "")
    if not served.group:
        del details["group"]
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }


def not_allowed() -> status.StatusError:
    return status.StatusError(
        "MethodNotAllowed", "the server does not allow this method on the requested resource", {}
    )


async def _in_turns(items: Sequence[Item], make: Callable[[Item], T]) -> list[T]:
    """What is made of each; others have their turn in between."""
    found: list[T] = []
    for start in range(0, len(items), TURN):
        found += [make(item) for item in items[start : start + TURN]]
        await asyncio.sleep(0)
    return found
