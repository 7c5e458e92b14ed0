"""The page's addresses: `/` and what is below /ui/."""

from collections.abc import Awaitable, Callable
from importlib.resources import files
from urllib.parse import parse_qs

from aiohttp import web

from sampan.errors import SampanError
from sampan.http.errors import status_of
from sampan.registry.api.call import Call, Route, read_body
from sampan.registry.api.manifests import remove
from sampan.registry.auth.gate import Gate
from sampan.registry.errors import Denied, ManifestTooLarge, NameUnknown, RegistryError
from sampan.registry.manifests import unknown
from sampan.registry.names import parse_reference
from sampan.registry.web import data, views
from sampan.registry.web.layout import HEADERS, page, repository_path
from sampan.registry.web.visitor import Visitor, Visitors, check_form, form_token, keep_token

MAX_FORM = 16 << 10
STATIC = {"style.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}

View = Callable[[Call, Visitor], Awaitable[web.Response]]


class Pages:
    def __init__(self, gate: Gate) -> None:
        self._visitors = Visitors(gate)
        here = files("sampan.registry.web")
        self._static = {name: (here / name).read_bytes() for name in STATIC}

    def routes(self) -> list[Route]:
        found = [
            Route("GET", "/", self._shown(self.home), None, "page"),
            Route("GET", "/sign-in", self.sign_in, None, "page"),
            Route("GET", "/ui/repository/{name}", self._shown(self.repository, "pull"), None, "page"),
            Route("GET", "/ui/manifest/{name}/{reference}", self._shown(self.manifest, "pull"), None, "page"),
            Route("GET", "/ui/delete/{name}/{reference}", self._shown(self.confirm, "delete"), None, "page"),
            Route("POST", "/ui/delete/{name}/{reference}", self._shown(self.delete, "delete"), None, "page"),
        ]
        return [*found, *(Route("GET", f"/ui/{name}", self.static, None, "page") for name in STATIC)]

    def _shown(self, view: View, action: str = "") -> Callable[[Call], Awaitable[web.StreamResponse]]:
        """For who may do `action` in the path's repository. Failures as pages; the API's are JSON."""

        async def handler(call: Call) -> web.StreamResponse:
            try:
                visitor = await self._visitors.admit(call)
                call.actor = visitor.actor
                if action:
                    self._check(call, visitor, action)
                return await view(call, visitor)
            except SampanError as error:
                return problem(error)

        return handler

    def _check(self, call: Call, visitor: Visitor, action: str) -> None:
        """What one may not pull is not there. Raises ManifestUnknown, Denied."""
        if not visitor.actor.may(call.name, "pull"):
            raise unknown(call.name, parse_reference("latest"))
        if action == "delete" and not self._visitors.may_delete(call, visitor, call.name):
            raise Denied("you may not delete from this repository")

    async def static(self, call: Call) -> web.StreamResponse:
        name = call.request.raw_path.partition("?")[0].rpartition("/")[2]
        headers = {**HEADERS, "Cache-Control": "max-age=300"}
        return web.Response(
            body=self._static[name], content_type=STATIC[name], charset="utf-8", headers=headers
        )

    async def sign_in(self, call: Call) -> web.StreamResponse:
        """Asks for credentials where others would show what everybody may see."""
        try:
            await self._visitors.admit(call, sign_in=True)
        except SampanError as error:
            return problem(error)
        return web.Response(status=303, headers={"Location": "/", **HEADERS})

    async def home(self, call: Call, visitor: Visitor) -> web.Response:
        words, number = call.query.get("q", "").strip()[:200], _page(call)
        total, rows = data.repositories(call.registry.read, words, number, visitor.actor.may_list)
        body = views.repository_list(rows, total, words, number, call.registry.clock(), host(call))
        return page("Registry", body, words=words, visitor=visitor)

    async def repository(self, call: Call, visitor: Visitor) -> web.Response:
        number = _page(call)
        total, rows = data.tag_rows(call.registry.read, call.name, number)
        if not total and not self._exists(call):
            raise NameUnknown("there is no such repository here")
        body = views.repository(call.name, rows, total, number, call.registry.clock(), host(call))
        return page(call.name, body, visitor=visitor)

    def _exists(self, call: Call) -> bool:
        row = call.registry.read.execute("SELECT 1 FROM repositories WHERE name=?", (call.name,)).fetchone()
        return row is not None

    async def manifest(self, call: Call, visitor: Visitor) -> web.Response:
        reference, found = self._find(call)
        parts = [
            data.Part(str(item.descriptor["digest"]), "", int(item.descriptor["size"]), item.artifact_type)
            for item in call.registry.manifests.referrers(call.name, found.manifest.digest, "", 100)[0]
        ]
        deletable = self._visitors.may_delete(call, visitor, call.name)
        now = call.registry.clock()
        body = views.image(call.name, reference, found, parts, now, host(call), deletable=deletable)
        return page(f"{call.name} {reference[:20]}", body, visitor=visitor)

    async def confirm(self, call: Call, visitor: Visitor) -> web.Response:
        reference, found = self._find(call)
        token = form_token(call.request)
        response = page(
            f"Delete from {call.name}", views.confirm(call.name, reference, found, token), visitor=visitor
        )
        keep_token(call.request, response, token)
        return response

    async def delete(self, call: Call, visitor: Visitor) -> web.Response:
        body = await read_body(call, MAX_FORM, lambda: ManifestTooLarge("the form is too large"))
        check_form(call.request, _field(body, "token"))
        await remove(call, parse_reference(call.part("reference")))
        return web.Response(status=303, headers={"Location": repository_path(call.name), **HEADERS})

    def _find(self, call: Call) -> tuple[str, data.Image]:
        reference = parse_reference(call.part("reference"))
        return str(reference), data.image(
            call.registry, call.name, call.registry.manifests.find(call.name, reference)
        )


def _page(call: Call) -> int:
    given = call.query.get("page", "1")
    return max(1, int(given)) if given.isascii() and given.isdigit() and len(given) < 7 else 1


def _field(body: bytes, name: str) -> str:
    try:
        return parse_qs(body.decode(), max_num_fields=10).get(name, [""])[0]
    except ValueError:
        return ""


def host(call: Call) -> str:
    """As the visitor reached us: what to write before a repository's name."""
    return call.request.headers.get("Host", "") or call.registry.config.addr


def problem(error: SampanError) -> web.Response:
    status, headers = (
        (error.status, error.headers) if isinstance(error, RegistryError) else (status_of(error)[0], {})
    )
    response = page("Registry", views.problem(error.message), status=status)
    response.headers.update(headers)
    return response
