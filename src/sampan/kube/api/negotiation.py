"""Which form a body has and which one a client wants. k8s.io/apiserver/pkg/endpoints/handlers/negotiation"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sampan.specs.kubernetes.status import StatusError

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
OFFERED = (JSON, YAML, PROTOBUF)
CUSTOM_OFFERED = (JSON, YAML)


@dataclass(frozen=True, slots=True)
class Form:
    """What is sent: a media type, perhaps as another kind ("Table"), `group` and `version` of which are
    given.
    """

    media: str = JSON
    kind: str = ""
    group: str = ""
    version: str = ""
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def pretty(self) -> bool:
        return self.parameters.get("pretty", "") in ("1", "true")


PLAIN = Form()
_cache: dict[tuple[str, Sequence[str], Sequence[tuple[str, str, str]]], Form] = {}


def not_acceptable(offered: Sequence[str], *, plain: bool = True) -> StatusError:
    """`plain`: none of the types is offered, as opposed to none of the kinds that were asked for."""
    listed = ", ".join(offered)
    if plain:
        return StatusError("NotAcceptable", f"406: Not Acceptable\n\nAvailable representations: {listed}", {})
    return StatusError("NotAcceptable", f"only the following media types are accepted: {listed}")


def choose(accept: str, offered: Sequence[str] = OFFERED, kinds: Sequence[tuple[str, str, str]] = ()) -> Form:
    """The best of an Accept header's wishes; `kinds` are the (group, version, kind) on offer besides the
    plain one.

    Raises StatusError NotAcceptable.
    """
    if (not accept or accept == JSON) and JSON in offered:
        return PLAIN
    key = (accept, tuple(offered), tuple(kinds))
    found = _cache.get(key)
    if found is None:
        found = _choose(accept, offered, kinds)
        if len(_cache) > 500:
            _cache.clear()
        _cache[key] = found
    return found


def choose_stream(
    accept: str, offered: Sequence[str] = OFFERED, kinds: Sequence[tuple[str, str, str]] = ()
) -> Form:
    """The same of a watch, which is never in YAML."""
    streamed = [media for media in offered if media != YAML]
    try:
        return choose(accept, streamed, kinds)
    except StatusError:
        raise not_acceptable([f"{media};stream=watch" for media in streamed], plain=False) from None


def _choose(accept: str, offered: Sequence[str], kinds: Sequence[tuple[str, str, str]]) -> Form:
    wishes = sorted((_wish(one) for one in accept.split(",")), key=lambda wish: -wish[0])
    matched = False
    for _, media, parameters in wishes:
        if media in ("*/*", "") and offered:
            media = offered[0]
        if media not in offered:
            continue
        matched = True
        kind = parameters.get("as", "")
        if not kind:
            return Form(media, parameters=parameters)
        wanted = (parameters.get("g", ""), parameters.get("v", ""), kind)
        if wanted in kinds:
            return Form(media, kind, wanted[0], wanted[1], parameters)
    raise not_acceptable(offered, plain=not matched)


def _wish(text: str) -> tuple[float, str, dict[str, str]]:
    media, *rest = (part.strip() for part in text.split(";"))
    parameters = {}
    for part in rest:
        name, _, value = part.partition("=")
        parameters[name.strip().lower()] = value.strip().strip('"')
    try:
        quality = float(parameters.pop("q", "1"))
    except ValueError:
        quality = 0.0
    return quality, media.lower(), parameters


def body_media(content_type: str | None, offered: Sequence[str] = OFFERED) -> str:
    """The form of a request's body; raises StatusError UnsupportedMediaType."""
    if not content_type:
        return JSON
    media = content_type.partition(";")[0].strip().lower()
    if media not in offered:
        raise unsupported(offered)
    return media


def unsupported(offered: Sequence[str]) -> StatusError:
    message = "the body of the request was in an unknown format - accepted media types include: " + ", ".join(
        offered
    )
    return StatusError("UnsupportedMediaType", message)
