"""Requests for watches: which form they want, how long they last, and the answer that goes on."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from sampan.kube.api import answers, tables
from sampan.kube.api.auditing import audit_headers, trail_of
from sampan.kube.api.calls import Call
from sampan.kube.api.lasting import Lasting
from sampan.kube.api.negotiation import JSON, PROTOBUF, Form
from sampan.kube.api.options import list_options
from sampan.kube.api.reading import Lister
from sampan.kube.api.watching import Encoder, Watcher, json_encoder, table_encoder, value_encoder
from sampan.kube.store.cache import Cache

SHORTEST, LONGEST = 1800, 3600  # seconds, of a watch that does not say how long


@dataclass
class Watches:
    cache: Cache
    lister: Lister
    lasting: Lasting
    clock: Callable[[], float] = time.time

    async def serve(self, request: web.BaseRequest, call: Call, form: Form) -> web.StreamResponse:
        """Until its time is over. Raises StatusError for one that cannot begin."""
        query = {**call.query, "fieldSelector": f"metadata.name={call.name}"} if call.name else call.query
        options = list_options(query, watch=True)
        watcher = Watcher(self.cache, self.lister, call, options, self._encoder(call, form))
        subscription, first = await watcher.start()
        response = web.StreamResponse(headers={**answers.JSON_HEADERS, "Content-Type": _media(form)})
        response.headers.update(audit_headers(request))
        response.enable_chunked_encoding()
        answers.warnings(response, call.warnings)
        try:
            await response.prepare(request)
            if trail := trail_of(request):
                trail.started(200)
            if first:
                await response.write(b"".join(first))
            if subscription is not None:
                self.lasting.begin(subscription)
                seconds = options.timeout or random.uniform(SHORTEST, LONGEST)
                async for frames in watcher.run(subscription, seconds):
                    await response.write(frames)
            await response.write_eof()
        finally:
            if subscription is not None:
                self.lasting.forget(subscription)
                subscription.close()
        return response

    def _encoder(self, call: Call, form: Form) -> Encoder:
        if form.kind == "Table":
            include = tables.include_of(call.query.get("includeObject", ""))
            return table_encoder(call.served, include, self.clock)
        if form.media == JSON and not form.kind:
            return json_encoder(call.served)
        return value_encoder(call.served, form)


def _media(form: Form) -> str:
    return f"{PROTOBUF};stream=watch" if form.media == PROTOBUF else form.media
