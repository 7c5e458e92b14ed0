"""/token: the built-in token endpoint, for auth.mode token without an outside realm."""

from urllib.parse import parse_qs

from aiohttp import web

from sampan.registry.api.call import Call, Route, json_response, read_body
from sampan.registry.auth.gate import OwnTokenGate, basic_credentials, quoted
from sampan.registry.errors import SizeInvalid, Unauthorized

MAX_FORM = 64 << 10


class TokenEndpoint:
    def __init__(self, gate: OwnTokenGate, realm: str) -> None:
        self._gate = gate
        self._realm = realm

    async def get(self, call: Call) -> web.StreamResponse:
        """Basic credentials, or none for what everybody may do."""
        given = basic_credentials(call.request)
        if given is None and "Authorization" in call.request.headers:
            raise self._wrong()
        return await self._issue(call, given, _split(call.request.query.getall("scope", [])))

    async def post(self, call: Call) -> web.StreamResponse:
        """RFC 6749, 4.3; there are no refresh tokens, for passwords are checked here anyway."""
        data = await read_body(call, MAX_FORM, lambda: SizeInvalid("form is too large"))
        form = {key: values[0] for key, values in parse_qs(data.decode("utf-8", "replace")).items()}
        if form.get("grant_type") != "password":
            return json_response({"error": "unsupported_grant_type"}, 400)
        given = form.get("username", ""), form.get("password", "")
        return await self._issue(call, given, _split([form.get("scope", "")]))

    async def _issue(
        self, call: Call, given: tuple[str, str] | None, scopes: list[str]
    ) -> web.StreamResponse:
        if given is not None and not await self._gate.users.check(*given, call.request.remote or ""):
            raise self._wrong()
        answer = self._gate.issuer.issue(given[0] if given else None, scopes)
        return json_response(answer, headers={"Cache-Control": "no-store"})

    def _wrong(self) -> Unauthorized:
        challenge = f'Basic realm="{quoted(self._realm)}"'
        return Unauthorized("incorrect username or password", headers={"WWW-Authenticate": challenge})


def _split(scopes: list[str]) -> list[str]:
    """Several scopes come as several parameters, or with blanks between them."""
    return [scope for text in scopes for scope in text.split()][:100]


def routes(gate: OwnTokenGate, realm: str) -> tuple[Route, ...]:
    endpoint = TokenEndpoint(gate, realm)
    return (
        Route("GET", "/token", endpoint.get, None, "token"),
        Route("POST", "/token", endpoint.post, None, "token"),
    )
