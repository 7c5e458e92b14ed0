"""JSON values as YAML, the way sigs.k8s.io/yaml prints them: sorted keys, block style, lists not indented.

A text is quoted where reading it without quotes would give something else. https://github.com/yaml/go-yaml
PyYAML is loaded when the first value is printed.
"""

import json
from functools import lru_cache
from typing import Any

from sampan.specs.golang.yamlscalars import resolve

_STR = "tag:yaml.org,2002:str"


def dump(value: Any) -> bytes:
    """A document, with a line break at its end."""
    import yaml

    found: bytes = yaml.dump(
        value,
        Dumper=_printer(),
        encoding="utf-8",
        allow_unicode=True,
        width=1 << 30,
        default_flow_style=False,
    )
    return found


@lru_cache(1)
def _printer() -> Any:
    """Without PyYAML's own ideas of what needs quotes, and without anchors for what is the same object."""
    import yaml

    base = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    made: Any = type("Printer", (base,), {"ignore_aliases": lambda _self, _data: True})
    made.add_representer(str, _text)
    for kind in (bool, int, float, type(None)):
        made.add_representer(kind, _plain)
    # All is resolved to texts, so that nothing gets a tag; texts that need quotes have them.
    made.yaml_implicit_resolvers = {}
    return made


def _text(printer: Any, value: str) -> Any:
    style = None
    if "\n" in value:
        style = "|"
    elif _means_something_else(value):
        style = '"'
    return printer.represent_scalar(_STR, value, style=style)


def _plain(printer: Any, value: Any) -> Any:
    shown = f"{value:g}" if isinstance(value, float) and value % 1 == 0 else json.dumps(value)
    return printer.represent_scalar(_STR, shown)


def _means_something_else(value: str) -> bool:
    if value == "<<":
        return True
    try:
        return not isinstance(resolve(value, plain=True), str) or _is_base60(value) or _is_time(value)
    except ValueError:
        return True


def _is_base60(value: str) -> bool:
    """A number of YAML 1.1 that Go does not read, and quotes for those who do: 1:30"""
    first, *others = value.removeprefix("-").removeprefix("+").split(":")
    if not others or not first[:1].isdigit() or not first.replace("_", "").isdigit():
        return False
    others[-1] = others[-1].partition(".")[0]
    return all(len(part) < 3 and part.isdigit() and int(part) < 60 for part in others)


def _is_time(value: str) -> bool:
    return len(value) > 9 and value[4] + value[7] == "--" and (value[:4] + value[5:7]).isdigit()
