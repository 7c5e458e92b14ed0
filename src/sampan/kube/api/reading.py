"""Getting and listing: from the cache, or from the store where a client asks for the past.

What resourceVersion and resourceVersionMatch mean: kubernetes.io/docs/reference/using-api/api-concepts
"""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass

from sampan.errors import Invalid
from sampan.kube.api.calls import Call
from sampan.kube.api.options import ListOptions
from sampan.kube.api.served import Served
from sampan.kube.store.cache import Cache
from sampan.kube.store.items import Item
from sampan.kube.store.store import Ahead, Compacted
from sampan.specs.golang.jsonsyntax import syntax_error
from sampan.specs.golang.numbers import parse_uint
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import status

PATIENCE = 3.0  # seconds that a read waits for a version that this server has not seen
TOO_OLD = "The resourceVersion for the provided list is too old."
TOKEN_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a "
    "new list without the continue parameter, or use the continue token in this response to retrieve "
    "the remainder of the results. Continuing with the provided token results in an inconsistent list - "
    "objects that were created, modified, or deleted between the time the first chunk was returned and "
    "now may show up in the list."
)


@dataclass(frozen=True, slots=True)
class Listing:
    """`token` is the `continue` of the next chunk, "" if this is the last; `remaining` None if unknown."""

    items: list[Item]
    revision: int
    token: str = ""
    remaining: int | None = None


class Lister:
    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def get(self, call: Call) -> Item:
        """Raises StatusError."""
        text = call.query.get("resourceVersion", "") if call.query else ""
        if text and text != "0":
            await self.wait(_revision_to_get(text))
        elif not text:
            await self._cache.current()
        item = self._cache.get(call.served.key(call.namespace, call.name))
        if item is None:
            raise call.served.not_found(call.name)
        await call.served.prepare([item])
        return item

    async def wait(self, revision: int) -> None:
        """Until the cache is at `revision`; raises the Timeout of one that is not reached."""
        if revision <= self._cache.revision:
            return
        try:
            await self._cache.wait(revision, PATIENCE)
        except (TimeoutError, Ahead):
            raise too_large(revision, self._cache.revision) from None

    async def listing(self, call: Call, options: ListOptions) -> Listing:
        """Raises StatusError."""
        check_fields(call.served, options)
        if options.field_selector:  # looks into objects
            await call.served.prepare(self._cache.items(call.served.prefix_in(call.namespace)))
        found = await self._listing(call, options)
        await call.served.prepare(found.items)
        return found

    async def _listing(self, call: Call, options: ListOptions) -> Listing:
        if options.token:
            return await self._chunk(call, options)
        revision = options.revision
        exact = options.match == "Exact" or (options.limit and revision and not options.match)
        if exact:
            return await self._past(call, options, revision, "", TOO_OLD)
        if revision:
            await self.wait(revision)
        elif options.resource_version != "0":
            await self._cache.current()
        # Whatever the cache has is fine for version 0; it is in memory, so limits need not be kept to.
        any_version = options.resource_version == "0" and not options.match
        return self._now(call, options, 0 if any_version else options.limit)

    def _now(self, call: Call, options: ListOptions, limit: int) -> Listing:
        served = call.served
        items = self.select(call, options)
        revision = self._cache.revision
        kept = items[:limit] if limit else items
        # There is more where anything is left to look at, whether or not it matches.
        if not limit or len(kept) < limit or self._is_last(call, options, kept[-1].key):
            return Listing(items, revision)
        plain = not options.label_selector and not options.field_selector
        return Listing(
            kept,
            revision,
            _token(served, call.namespace, kept[-1].key, revision),
            len(items) - limit if plain else None,
        )

    def _is_last(self, call: Call, options: ListOptions, key: str) -> bool:
        name = options.field_selector.exactly("metadata.name") if options.field_selector else None
        if name is not None and (call.namespace or not call.served.resource.namespaced):
            return True
        return self._cache.items(call.served.prefix_in(call.namespace))[-1].key == key

    def select(self, call: Call, options: ListOptions) -> list[Item]:
        """Everything that matches now, in the order of keys."""
        served = call.served
        name = options.field_selector.exactly("metadata.name") if options.field_selector else None
        if name is not None and (call.namespace or not served.resource.namespaced):
            found = self._cache.get(served.key(call.namespace, name))
            items: Iterable[Item] = [found] if found is not None else []
        else:
            items = self._cache.items(served.prefix_in(call.namespace))
        return filtered(served, items, options)

    async def _past(
        self, call: Call, options: ListOptions, revision: int, start: str, too_old: str
    ) -> Listing:
        """As things were at `revision`, from the key `start` on."""
        served = call.served
        prefix = served.prefix_in(call.namespace)
        await self.wait(revision)
        found: list[Item] = []
        while True:
            try:
                page = await self._cache.past(
                    prefix, revision=revision, start=start, limit=options.limit and max(options.limit, 100)
                )
            except Compacted:
                raise status.expired(too_old) from None
            except Ahead as error:
                raise too_large(revision, error.current) from None
            matching = filtered(served, page.items, options)
            found += matching
            kept = found[: options.limit] if options.limit else found
            full = options.limit and len(kept) == options.limit
            if not page.more and (not full or page.items[-1].key == kept[-1].key):
                return Listing(kept, page.revision)
            if full:
                plain = not options.label_selector and not options.field_selector
                remaining = page.remaining + len(found) - len(kept) if plain else None
                token = _token(served, call.namespace, kept[-1].key, page.revision)
                return Listing(kept, page.revision, token, remaining)
            start = page.items[-1].key + "\0"

    async def _chunk(self, call: Call, options: ListOptions) -> Listing:
        if options.resource_version not in ("", "0"):
            raise status.bad_request("specifying resource version is not allowed when using continue")
        revision, name = _read_token(options.token)
        prefix = call.served.prefix_in(call.namespace)
        if revision < 0:
            return self._inconsistent(call, options, prefix + name)
        try:
            return await self._past(call, options, revision, prefix + name, TOKEN_TOO_OLD)
        except status.StatusError as error:
            if error.reason != "Expired":
                raise
            # Whoever would rather have an inconsistent rest than start anew goes on with this one.
            error.continuation = _written(-1, name)  # type: ignore[attr-defined]
            raise

    def _inconsistent(self, call: Call, options: ListOptions, start: str) -> Listing:
        items = [item for item in self.select(call, options) if item.key >= start]
        revision = self._cache.revision
        if not options.limit or len(items) <= options.limit:
            return Listing(items, revision)
        kept = items[: options.limit]
        return Listing(kept, revision, _token(call.served, call.namespace, kept[-1].key, revision))


def filtered(served: Served, items: Iterable[Item], options: ListOptions) -> list[Item]:
    labels, fields = options.label_selector, options.field_selector
    if not labels and not fields:
        return list(items)
    return [item for item in items if matches(served, item, options)]


def matches(served: Served, item: Item, options: ListOptions) -> bool:
    """Do the selectors of a list or watch take this object?"""
    return (not options.label_selector or options.label_selector.matches(item.labels)) and (
        not options.field_selector or options.field_selector.matches(served.fields(item))
    )


def check_fields(served: Served, options: ListOptions) -> None:
    """Raises the BadRequest of a field selector with fields that the kind does not offer."""
    for term in options.field_selector.terms:
        if not served.resource.knows_field(term.field):
            raise status.bad_request(served.resource.unknown_field_error(term.field))


def too_large(revision: int, current: int) -> status.StatusError:
    """A version that has not happened yet."""
    error = status.timeout(f"Too large resource version: {revision}, current: {current}", 1)
    error.details = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    return error


def _revision_to_get(text: str) -> int:
    try:
        return parse_uint(text)
    except Invalid as error:
        shown = f"resourceVersion: Invalid value: {quote(text)}: {error.message}"
        raise status.StatusError("", shown, None, 500) from None


# --- continue tokens


def _token(served: Served, namespace: str, last: str, revision: int) -> str:
    return _written(revision, last[len(served.prefix_in(namespace)) :] + "\0")


def _written(revision: int, start: str) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, str]:
    bad = "invalid continue token: continue key is not valid"
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("utf-8", "replace")
    except ValueError as error:
        raise status.bad_request(f"{bad}: {error}") from None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise status.bad_request(f"{bad}: {syntax_error(text) or 'exceeded max depth'}") from None
    if not isinstance(found, dict) or found.get("v") != "meta.k8s.io/v1":
        version = found.get("v", "") if isinstance(found, dict) else ""
        raise status.bad_request(f"{bad}: server does not recognize this encoded version {version}")
    revision, start = found.get("rv"), found.get("start")
    if type(revision) is not int or not 0 < revision < 1 << 63:
        raise status.bad_request(f"{bad}: incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not isinstance(start, str) or not start or ".." in start.split("/"):
        raise status.bad_request(f"{bad}: encoded start key empty (version meta.k8s.io/v1)")
    return revision, start.lstrip("/")
