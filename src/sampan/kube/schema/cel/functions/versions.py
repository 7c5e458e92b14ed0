"""Semantic versions; k8s.io/apiserver pkg/cel/library/semverlib.go, https://semver.org"""

from typing import Any

from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.functions.overload import Row
from sampan.kube.schema.cel.values import INT_MAX, Opaque
from sampan.specs.golang.quote import quote

NAME = "kubernetes.Semver"
_DIGITS = frozenset("0123456789")
_ALPHANUM = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-")


class Semver(Opaque):
    """Compared without its build; `build` counts for no order."""

    __slots__ = ("build", "numbers", "pre")
    cel_type = NAME

    def __init__(self, numbers: tuple[int, ...], pre: tuple[str, ...], build: tuple[str, ...]) -> None:
        self.numbers = numbers
        self.pre = pre
        self.build = build

    def key(self) -> Any:
        """For comparison: a version comes after its pre-releases; numbers before words."""
        parts = [(0, int(one), "") if _DIGITS.issuperset(one) else (1, 0, one) for one in self.pre]
        return self.numbers, not self.pre, parts

    def __eq__(self, other: object) -> bool:
        return type(other) is Semver and other.key() == self.key()

    def __hash__(self) -> int:
        return hash((Semver, self.numbers, self.pre))


def semver(text: str, normalize: bool = False) -> Semver:
    if normalize:
        text = _normalized(text)
    if not text:
        raise CelEvaluationError("Version string empty")
    parts = text.split(".", 2)
    if len(parts) != 3:
        raise CelEvaluationError("No Major.Minor.Patch elements found")
    patch, plus, build = parts[2].partition("+")
    patch, dash, pre = patch.partition("-")
    numbers = tuple(
        _number(name, part)
        for name, part in zip(("major", "minor", "patch"), (*parts[:2], patch), strict=True)
    )
    pres = tuple(pre.split(".")) if dash else ()
    for one in pres:
        _check(one, "Prerelease")
        if _DIGITS.issuperset(one) and len(one) > 1 and one[0] == "0":
            raise CelEvaluationError(
                f"Numeric PreRelease version must not contain leading zeroes {quote(one)}"
            )
    builds = tuple(build.split(".")) if plus else ()
    for one in builds:
        _check(one, "Build meta data")
    return Semver(numbers, pres, builds)


def _check(text: str, what: str) -> None:
    if not text:
        raise CelEvaluationError(f"{what} is empty")
    if not _ALPHANUM.issuperset(text):
        raise CelEvaluationError(f"Invalid character(s) found in {what.lower()} {quote(text)}")


def _number(name: str, text: str) -> int:
    if not text or not _DIGITS.issuperset(text):
        raise CelEvaluationError(f"Invalid character(s) found in {name} number {quote(text)}")
    if len(text) > 1 and text[0] == "0":
        raise CelEvaluationError(f"{name.capitalize()} number must not contain leading zeroes {quote(text)}")
    if len(text) > 20 or int(text) > INT_MAX:
        raise CelEvaluationError(f'strconv.ParseUint: parsing "{text}": value out of range')
    return int(text)


def _normalized(text: str) -> str:
    parts = text.removeprefix("v").split(".", 2)
    for at, part in enumerate(parts):
        if len(part) > 1:
            stripped = part.lstrip("0")
            parts[at] = stripped if stripped[:1] in _DIGITS and stripped else "0" + stripped
    if len(parts) < 3 and ("+" in parts[-1] or "-" in parts[-1]):
        raise CelEvaluationError("short version cannot contain PreRelease/Build meta data")
    return ".".join(parts + ["0"] * (3 - len(parts)))


def is_semver(text: str, normalize: bool = False) -> bool:
    try:
        semver(text, normalize)
    except CelEvaluationError:
        return False
    return True


def compare(one: Semver, other: Semver) -> int:
    a, b = one.key(), other.key()
    return int(a > b) - int(a < b)


def overloads() -> list[Row]:
    return [
        ("semver", "string_to_semver", f"string -> {NAME}", semver),
        ("semver", "string_bool_to_semver", f"string, bool -> {NAME}", semver),
        ("isSemver", "is_semver_string", "string -> bool", is_semver),
        ("isSemver", "is_semver_string_bool", "string, bool -> bool", is_semver),
        ("major", "semver_major", f"{NAME} . -> int", lambda one: one.numbers[0]),
        ("minor", "semver_minor", f"{NAME} . -> int", lambda one: one.numbers[1]),
        ("patch", "semver_patch", f"{NAME} . -> int", lambda one: one.numbers[2]),
        ("compareTo", "semver_compare_to", f"{NAME} . {NAME} -> int", compare),
        ("isLessThan", "semver_is_less_than", f"{NAME} . {NAME} -> bool", lambda a, b: compare(a, b) < 0),
        (
            "isGreaterThan",
            "semver_is_greater_than",
            f"{NAME} . {NAME} -> bool",
            lambda a, b: compare(a, b) > 0,
        ),
    ]
