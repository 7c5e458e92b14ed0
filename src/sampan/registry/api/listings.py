"""/v2/, tags, the catalog, and Docker's search: end-1, end-8a, end-8b, and what Docker added."""

from aiohttp import web

from sampan.registry.api.call import Call, Route, json_response, next_link, page_size
from sampan.registry.repositories import catalog, search, tags

SEARCH_PAGE = 25
SEARCH_MOST = 100


async def version(call: Call) -> web.StreamResponse:
    return json_response({})


async def list_tags(call: Call) -> web.StreamResponse:
    n = page_size(call.query)
    if call.upstreams is not None:
        found = await call.upstreams.tags(call.name, n, call.query.get("last", ""))
        if found is not None:
            names, more = found
            headers = next_link(f"/v2/{call.name}/tags/list", n, names[-1] if more and names else None)
            return json_response({"name": call.name, "tags": names}, headers=headers)
    if call.shared is not None:
        await call.shared.refresh(call.name)
    page = tags(call.registry.read, call.name, n, call.query.get("last", ""))
    headers = next_link(f"/v2/{call.name}/tags/list", n, page.last if n else None)
    return json_response({"name": call.name, "tags": page.items}, headers=headers)


async def list_repositories(call: Call) -> web.StreamResponse:
    """Only what the caller may pull."""
    n = page_size(call.query, call.registry.config.page_size) or 0
    if call.shared is not None:
        await call.shared.refresh()
    page = catalog(call.registry.read, n, call.query.get("last", ""), call.actor.may_list)
    headers = next_link("/v2/_catalog", n, page.last if n else None)
    return json_response({"repositories": page.items}, headers=headers)


async def ping_v1(call: Call) -> web.StreamResponse:
    """Docker asks this of a registry before it searches there."""
    return json_response(
        True, headers={"X-Docker-Registry-Version": "2.0", "X-Docker-Registry-Standalone": "true"}
    )


async def search_v1(call: Call) -> web.StreamResponse:
    words = call.query.get("q", "")
    limit = page_size(call.query, SEARCH_MOST) if call.query.get("n") else SEARCH_PAGE
    number = call.query.get("page", "1")
    page = max(int(number), 1) if number.isascii() and number.isdigit() and len(number) < 9 else 1
    size = limit or SEARCH_PAGE
    if call.shared is not None:
        await call.shared.refresh()
    total, found = search(call.registry.read, words, size, (page - 1) * size, call.actor.may_list)
    results = [
        {
            "name": item.name,
            "description": f"{item.tags} tag{'' if item.tags == 1 else 's'}",
            "is_official": False,
            "is_automated": False,
            "is_trusted": False,
            "star_count": 0,
        }
        for item in found
    ]
    return json_response(
        {
            "query": words,
            "num_results": total,
            "num_pages": -(-total // size),
            "page": page,
            "page_size": size,
            "results": results,
        }
    )


ROUTES = (
    Route("GET", "/v2/", version, "", "version"),
    Route("HEAD", "/v2/", version, "", "version"),
    Route("GET", "/v2", version, "", "version"),
    Route("GET", "/v2/{name}/tags/list", list_tags, "pull", "tags"),
    Route("GET", "/v2/_catalog", list_repositories, "catalog", "catalog"),
    Route("GET", "/v1/_ping", ping_v1, None, "search"),
    Route("GET", "/v1/search", search_v1, "catalog", "search"),
)
