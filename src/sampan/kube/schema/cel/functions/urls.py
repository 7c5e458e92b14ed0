"""URLs; k8s.io/apiserver pkg/cel/library/urls.go"""

from typing import Any

from sampan.errors import Invalid
from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.functions.overload import Row
from sampan.kube.schema.cel.values import Opaque
from sampan.specs.golang import url as urls

NAME = "kubernetes.URL"


class Url(Opaque):
    __slots__ = ("text", "url")
    cel_type = NAME

    def __init__(self, text: str, url: urls.URL) -> None:
        self.text = text
        self.url = url

    def __eq__(self, other: object) -> bool:
        return type(other) is Url and other.text == self.text

    def __hash__(self) -> int:
        return hash((Url, self.text))


def url(text: str) -> Url:
    try:
        urls.parse_request(text)
        return Url(text, urls.parse(text))
    except Invalid as e:
        raise CelEvaluationError(f"URL parse error during conversion from string: {e}") from None


def is_url(text: str) -> bool:
    try:
        urls.parse_request(text)
    except Invalid:
        return False
    return True


def overloads() -> list[Row]:
    parts: dict[str, Any] = {
        "getScheme": lambda one: one.url.scheme,
        "getHost": lambda one: one.url.host,
        "getHostname": lambda one: one.url.hostname(),
        "getPort": lambda one: one.url.port(),
        "getEscapedPath": lambda one: one.url.escaped_path(),
    }
    return [
        ("url", "string_to_url", f"string -> {NAME}", url),
        ("isURL", "is_url_string", "string -> bool", is_url),
        *((name, f"url_{name}", f"{NAME} . -> string", do) for name, do in parts.items()),
        ("getQuery", "url_get_query", f"{NAME} . -> map(string, list(string))", lambda one: one.url.values()),
    ]
