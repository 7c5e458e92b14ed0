"""One request, from its bytes to its answer: who asks, for what, may they, and what happens then."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote_plus

from aiohttp import web
from multidict import MultiDict

from sampan import errors
from sampan.kube.access.inflight import Limits, is_long
from sampan.kube.access.user import Attributes, User
from sampan.kube.api import answers, negotiation
from sampan.kube.api.auditing import Auditor
from sampan.kube.api.calls import Call
from sampan.kube.api.catalog import Catalog
from sampan.kube.api.extensions import Extension
from sampan.kube.api.headers import readable
from sampan.kube.api.lasting import Lasting
from sampan.kube.api.metrics import Metrics
from sampan.kube.api.options import truth
from sampan.kube.api.paths import VERBS, Target, parse
from sampan.kube.api.served import Served
from sampan.kube.kinds.resource import Reader
from sampan.specs.kubernetes import fields, names, status

log = logging.getLogger("sampan.kube")

NOBODY = User("")


class Access(Protocol):
    """Who asks, and may they? Both raise StatusError."""

    async def authenticate(self, request: web.BaseRequest, path: str) -> User: ...

    async def check(self, request: web.BaseRequest, attributes: Attributes) -> None: ...


class Elsewhere(Protocol):
    """Group versions that other servers serve."""

    def find(self, path: Sequence[str]) -> Extension | None: ...

    async def handle(
        self, request: web.BaseRequest, to: Extension, parts: Sequence[str], user: User, *, lasts: bool
    ) -> web.StreamResponse: ...


class Paths(Protocol):
    """Whatever is no resource: discovery, health, metrics."""

    async def answer(self, request: web.BaseRequest, target: Target) -> web.StreamResponse | None: ...


@dataclass
class Handler:
    """What aiohttp's server calls for each request. Never raises but for a client that has gone."""

    catalog: Catalog
    access: Access
    reader: Reader
    paths: Paths
    verbs: "Verbs"
    limits: Limits
    metrics: Metrics
    elsewhere: Elsewhere
    lasting: Lasting
    clock: Callable[[], float] = time.time
    auditor: Auditor | None = None

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.auditor is None:
            return await self._answer(request)
        response = None
        try:
            response = await self._answer(request)
            return response
        finally:
            self.auditor.end(request, response)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._handle(request)
        except status.StatusError as error:
            return answers.failure(error, _error_form(request))
        except (asyncio.CancelledError, ConnectionError):
            raise
        except errors.Unavailable as error:
            return answers.failure(status.unavailable(str(error)))
        except Exception as error:
            log.exception("%s %s", request.method, request.raw_path)
            return answers.failure(status.internal(f"{type(error).__name__}"))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        target = parse(path)
        parsed = _query(query)
        verb = _verb(request.method, target, parsed)
        try:
            user = await self.access.authenticate(request, target.path)
        except status.StatusError:
            if self.auditor is not None:
                asked = _attributes(NOBODY, verb, target, parsed, request.method)
                self.auditor.not_let_in(request, asked)
            raise
        attributes = _attributes(user, verb, target, parsed, request.method)
        if self.auditor is not None:
            self.auditor.begin(request, attributes)
        served = self._served(target) if target.resource else None
        begun, code = time.perf_counter(), 500
        try:
            await self.access.check(request, attributes)
            with self.limits.admit(attributes), self.metrics.running(attributes):
                other = self.elsewhere.find(target.parts)
                if other is not None:
                    response = await self._elsewhere(request, other, target, attributes)
                else:
                    response = await self._perform(request, served, user, verb, target, parsed, query)
            code = response.status
            return response
        except status.StatusError as error:
            code = error.code
            raise
        finally:
            # Names that clients made up would be series without end.
            if served is not None or not target.resource:
                self.metrics.answered(attributes, code, time.perf_counter() - begun)

    async def _elsewhere(
        self, request: web.BaseRequest, other: Extension, target: Target, asked: Attributes
    ) -> web.StreamResponse:
        lasts = is_long(asked)
        with self.lasting.running() if lasts else nullcontext():
            return await self.elsewhere.handle(request, other, target.parts, asked.user, lasts=lasts)

    async def _perform(
        self,
        request: web.BaseRequest,
        served: Served | None,
        user: User,
        verb: str,
        target: Target,
        parsed: MultiDict[str],
        query: str,
    ) -> web.StreamResponse:
        if not target.resource:
            found = await self.paths.answer(request, target)
            return found if found is not None else answers.plain("404 page not found\n", 404)
        if served is None:
            if not self.catalog.built_in(target.group):
                return answers.plain("404 page not found\n", 404)
            raise status.no_such_path()
        deprecated = [served.resource.deprecated] if served.resource.deprecated else []
        call = Call(
            served,
            user,
            self.reader,
            target.namespace,
            target.name,
            target.subresource,
            readable(request.headers.get("User-Agent", "")),
            parsed,
            parsed.getall("dryRun", []) if query else [],
            self.clock(),
            deprecated,
        )
        try:
            response = await self.verbs.perform(request, call, verb, target)
        except status.StatusError as error:
            response = answers.failure(error, _error_form(request))
        if call.warnings and not response.prepared:
            answers.warnings(response, call.warnings)
        return response

    def _served(self, target: Target) -> Served | None:
        """None: there is no such path."""
        served = self.catalog.find(target.group, target.version, target.resource)
        if served is None:
            return None
        if target.namespace and not served.resource.namespaced:
            return None
        if target.name and served.resource.namespaced and not target.namespace:
            return None
        if target.subresource and target.subresource not in served.subresources:
            return None
        if target.rest and target.subresource != "proxy":
            return None
        # What is only created has no names.
        if target.name and not target.subresource and served.resource.verbs == ("create",):
            return None
        return served


class Verbs(Protocol):
    async def perform(
        self, request: web.BaseRequest, call: Call, verb: str, target: Target
    ) -> web.StreamResponse:
        """Do what the request asks for; raises StatusError."""
        ...


def _attributes(user: User, verb: str, target: Target, query: MultiDict[str], method: str) -> Attributes:
    # A namespace is in itself, and who selects one name asks for that object.
    own = target.name if target.resource == "namespaces" and not target.group else ""
    return Attributes(
        user,
        verb if target.resource else method.lower(),
        target.group,
        target.version,
        target.resource,
        target.subresource,
        target.namespace or own,
        target.name or _selected_name(query),
        target.path,
        query.get("labelSelector", "") if query else "",
        query.get("fieldSelector", "") if query else "",
    )


def _verb(method: str, target: Target, query: MultiDict[str]) -> str:
    verb = VERBS.get(method, method.lower())
    if target.name:
        return "watch" if target.watch and verb == "get" else verb
    if verb == "get":
        return "watch" if target.watch or (query and truth(query.get("watch"))) else "list"
    return "deletecollection" if verb == "delete" else verb


def _selected_name(query: MultiDict[str]) -> str:
    selector = query.get("fieldSelector", "") if query else ""
    if "metadata.name" not in selector:
        return ""
    try:
        name = fields.parse(selector).exactly("metadata.name") or ""
    except fields.BadSelector:
        return ""
    return "" if names.path_segment(name) else name


def _query(text: str) -> MultiDict[str]:
    found: MultiDict[str] = MultiDict()
    for part in text.split("&") if text else ():
        name, _, value = part.partition("=")
        if name:
            found.add(unquote_plus(name), unquote_plus(value))
    return found


def _error_form(request: web.BaseRequest) -> negotiation.Form:
    """What a failure is written in: what was asked for if that is possible, else JSON."""
    try:
        return negotiation.Form(negotiation.choose(request.headers.get("Accept", "")).media)
    except status.StatusError:
        return negotiation.PLAIN
