"""The visitor of the page: who it is, what they may see, and whether they really asked for a delete."""

import hmac
import secrets
from dataclasses import dataclass

from aiohttp import web

from sampan.registry.api.call import Call, from_elsewhere
from sampan.registry.auth.access import Actor, Need
from sampan.registry.auth.gate import Gate
from sampan.registry.errors import Denied, Unauthorized

COOKIE = "sampan_form"


@dataclass(frozen=True)
class Visitor:
    actor: Actor
    may_sign_in: bool = False


class Visitors:
    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def admit(self, call: Call, *, sign_in: bool = False) -> Visitor:
        """Raises Unauthorized with a challenge that browsers understand, Denied.

        Who shows no credentials sees what rules open to everybody, if they open anything.
        """
        try:
            actor = await self._gate.identify(call.request, Need())
            if not (actor.entered if sign_in else actor.sees_something):
                raise self._gate.refusal(call.request, actor, Need())
        except Unauthorized as error:
            if self._gate.signs_in:
                realm = call.registry.config.auth.realm.replace("\\", "").replace('"', "")
                error.headers["WWW-Authenticate"] = f'Basic realm="{realm}", charset="UTF-8"'
            raise
        return Visitor(actor, may_sign_in=self._gate.signs_in and not actor.entered)

    def may_delete(self, call: Call, visitor: Visitor, name: str) -> bool:
        config = call.registry.config
        return config.allow_delete and not config.read_only and visitor.actor.may(name, "delete")


def form_token(request: web.BaseRequest) -> str:
    """The token of this browser's forms: its cookie's, or a new one."""
    found = request.cookies.get(COOKIE, "")
    return found if len(found) == 43 and found.isascii() else secrets.token_urlsafe(32)


def keep_token(request: web.BaseRequest, response: web.Response, token: str) -> None:
    response.set_cookie(
        COOKIE, token, path="/ui/", httponly=True, samesite="Strict", secure=request.scheme == "https"
    )


def check_form(request: web.BaseRequest, given: str) -> None:
    """Browsers send passwords along with other sites' forms too: the form must be ours. Raises Denied."""
    cookie = request.cookies.get(COOKIE, "")
    if from_elsewhere(request) or not cookie:
        raise Denied("this form was not sent from this registry's page")
    if not hmac.compare_digest(cookie.encode(), given.encode()):
        raise Denied("this form has expired: go back, reload, and try again")
