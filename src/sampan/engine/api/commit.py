"""POST /commit."""

from typing import Any

from aiohttp import web

from sampan.engine.containers.commit import CommitRequest, Commits
from sampan.engine.engine import Engine
from sampan.errors import Invalid
from sampan.http.requests import json_response, query_bool, read_json


def routes(engine: Engine) -> list[web.RouteDef]:
    commits = Commits(engine.paths, engine.containers, engine.images)

    async def commit(request: web.Request) -> web.Response:
        query = request.query
        wanted = CommitRequest(
            container=query.get("container", ""),
            repo=query.get("repo", ""),
            tag=query.get("tag", ""),
            comment=query.get("comment", ""),
            author=query.get("author", ""),
            pause=query_bool(query, "pause", default=True) if query.get("pause") else True,
            changes=query.getall("changes", []),
            config=await _config(request),
        )
        if not wanted.container:
            raise Invalid('invalid name or ID supplied: ""')
        return json_response({"Id": await commits.commit(wanted)}, 201)

    return [web.post("/commit", commit)]


async def _config(request: web.Request) -> dict[str, Any] | None:
    """The body, when there is one: a container config that replaces the container's own."""
    if not request.body_exists:
        return None
    return await read_json(request) or None
