"""The order of versions of an API: v10, v2, v1, v11beta2, v1beta1, v1alpha3, foo1. Pure.

kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning
"""

_STAGES = (("alpha", 1), ("beta", 2))


def order(version: str) -> "tuple[int, int, int, str]":
    """What to sort by, the preferred version first."""
    stage, major, minor = _parts(version)
    return (-stage, -major, -minor, version)


def _parts(version: str) -> "tuple[int, int, int]":
    if version[:1] != "v":
        return 0, 0, 0
    for name, stage in _STAGES:
        major, found, minor = version[1:].partition(name)
        if found:
            return (stage, int(major), int(minor)) if _number(major) and _number(minor) else (0, 0, 0)
    return (3, int(version[1:]), 0) if _number(version[1:]) else (0, 0, 0)


def _number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and text[0] != "0" and len(text) < 19
