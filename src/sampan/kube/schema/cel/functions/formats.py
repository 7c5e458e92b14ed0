"""Kubernetes' named formats; k8s.io/apiserver pkg/cel/library/format.go"""

from collections.abc import Callable

from sampan.errors import Invalid
from sampan.kube.schema.cel.functions.overload import Row
from sampan.kube.schema.cel.values import NONE, Opaque, Optional, some
from sampan.specs.golang import url
from sampan.specs.kubernetes import formats, names

NAME = "kubernetes.NamedFormat"


class Format(Opaque):
    """`pattern`: how long upstream takes the regular expression behind it to be, which decides what it
    costs.
    """

    __slots__ = ("check", "name", "pattern")
    cel_type = NAME

    def __init__(self, name: str, check: Callable[[str], list[str]], pattern: int) -> None:
        self.name = name
        self.check = check
        self.pattern = pattern


def _prefix(check: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """Of what names are generated from: a dash at the end stands for what comes behind."""
    return lambda text: check(text[:-1] + "a" if len(text) > 1 and text.endswith("-") else text)


def _known(name: str, message: str) -> Callable[[str], list[str]]:
    return lambda text: [] if formats.valid(name, text) else [message]


def _uri(text: str) -> list[str]:
    try:
        url.parse_request(text)
    except Invalid as e:
        return [str(e)]
    return []


FORMATS = {
    "dns1123Label": Format("DNS1123Label", names.dns1123_label, 30),
    "dns1123Subdomain": Format("DNS1123Subdomain", names.dns1123_subdomain, 60),
    "dns1035Label": Format("DNS1035Label", names.dns1035_label, 30),
    "qualifiedName": Format("QualifiedName", names.qualified_name, 60),
    "dns1123LabelPrefix": Format("DNS1123LabelPrefix", _prefix(names.dns1123_label), 30),
    "dns1123SubdomainPrefix": Format("DNS1123SubdomainPrefix", _prefix(names.dns1123_subdomain), 60),
    "dns1035LabelPrefix": Format("DNS1035LabelPrefix", _prefix(names.dns1035_label), 30),
    "labelValue": Format("LabelValue", names.label_value, 40),
    "uri": Format("URI", _uri, 1100),
    "uuid": Format("uuid", _known("uuid", "does not match the UUID format"), 80),
    "byte": Format("byte", _known("byte", "invalid base64"), 100),
    "date": Format("date", _known("date", "invalid date"), 90),
    "datetime": Format("datetime", _known("datetime", "invalid datetime"), 90),
}
LONGEST = 128  # of the patterns, as static estimates take them


def validate(format: Format, text: str) -> Optional:
    errors = format.check(text)
    return some(errors) if errors else NONE


def _named(name: str) -> Optional:
    return some(FORMATS[name]) if name in FORMATS else NONE


def _constant(format: Format) -> Callable[[], Format]:
    return lambda: format


def overloads() -> list[Row]:
    return [
        *(
            (f"format.{name}", f"format.{name}", f"-> {NAME}", _constant(one))
            for name, one in FORMATS.items()
        ),
        ("format.named", "format-named", f"string -> optional({NAME})", _named),
        ("validate", "format-validate", f"{NAME} . string -> optional(list(string))", validate),
    ]
