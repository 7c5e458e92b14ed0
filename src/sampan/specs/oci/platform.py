"""Platforms, linux/arm/v7: what an image is for and what a machine runs. Pure.

The words are those of Go's GOOS and GOARCH, as the OCI image specification has them; what people may write,
what it means and which of several fits is containerd's (github.com/containerd/platforms), messages included.
"""

import os

from sampan.errors import Failed, Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

# What uname(2) says -> architecture and variant.
_MACHINES = {
    "x86_64": ("amd64", ""),
    "aarch64": ("arm64", "v8"),
    "armv8l": ("arm", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "armv5tel": ("arm", "v5"),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "loongarch64": ("loong64", ""),
}
# Other names that people and distributions give them; a variant is the one that the name implies.
_OTHER_NAMES = {
    "i386": ("386", ""),
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "aarch64": ("arm64", None),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_SYSTEMS = (
    "aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris "
    "windows zos"
)
_ARCHITECTURES = (
    "386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le "
    "mips64p32 mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm"
)
_ARM = ("v8", "v7", "v6", "v5")
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_SYSTEM_RULE = r'"^([A-Za-z0-9_-]+)(?:\\(([A-Za-z0-9_.-]*)\\))?$"'
_PART_RULE = '"^[A-Za-z0-9_.-]+$"'


class Platform:
    """A system and a machine. Immutable; written as containerd's FormatAll does."""

    __slots__ = ("architecture", "os", "os_version", "variant")
    os: str
    architecture: str
    variant: str
    os_version: str

    def __init__(self, os: str, architecture: str, variant: str = "", os_version: str = "") -> None:
        for name, value in (
            ("os", os), ("architecture", architecture), ("variant", variant), ("os_version", os_version)
        ):  # fmt: skip
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} of a Platform cannot be set")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Platform) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, str, str, str]:
        return self.os, self.architecture, self.variant, self.os_version

    def __repr__(self) -> str:
        return f"Platform({str(self)!r})"

    def __str__(self) -> str:
        version = f"({self.os_version})" if self.os_version else ""
        return "/".join(part for part in (self.os + version, self.architecture, self.variant) if part)

    @property
    def short(self) -> str:
        """Without the system's version: what TARGETPLATFORM is."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    @property
    def document(self) -> "dict[str, str]":
        """The object of the image specification, without what is empty."""
        found = {
            "architecture": self.architecture,
            "os": self.os,
            "os.version": self.os_version,
            "variant": self.variant,
        }
        return {name: value for name, value in found.items() if value}

    def same_machine(self, other: "Platform") -> bool:
        return self.os == other.os and self.architecture == other.architecture


def machine(name: str = "") -> tuple[str, str]:
    """Architecture and variant of what uname(2) calls `name`; of this machine for ""."""
    name = name or os.uname().machine
    return _MACHINES.get(name, (name, ""))


def host() -> Platform:
    """Always Linux, with the normalised words for what uname(2) calls this machine."""
    return normalize(Platform("linux", *machine()))


def is_known(system: str, architecture: str) -> bool:
    """Whether both are names of Go's."""
    return system in _SYSTEMS.split() and architecture in _ARCHITECTURES.split()


def normalize(platform: Platform) -> Platform:
    """The usual names, and no variant where it is the default one; that of arm is always there."""
    system = platform.os.lower()
    return Platform(
        {"macos": "darwin"}.get(system, system),
        *_normal(platform.architecture, platform.variant),
        platform.os_version,
    )


def _normal(architecture: str, variant: str) -> tuple[str, str]:
    architecture, variant = architecture.lower(), variant.lower()
    if architecture in _OTHER_NAMES:
        architecture, implied = _OTHER_NAMES[architecture]
        variant = variant if implied is None else implied
    if (architecture, variant) in (("amd64", "v1"), ("arm64", "8"), ("arm64", "v8")):
        return architecture, ""
    if architecture == "arm":
        variant = {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"}.get(variant, variant)
    return architecture, variant


def parse(text: str) -> Platform:
    """A system, an architecture, or OS[(VERSION)]/ARCHITECTURE[/VARIANT]. Raises Invalid."""
    if "*" in text:
        raise _bad(f'"{text}": wildcards not yet supported')
    parts = text.split("/")
    system, version = _system(parts[0], text)
    for part in parts[1:]:
        if not part or not _WORD.issuperset(part.replace(".", "")):
            raise _bad(
                f'"{part}" is an invalid component of "{text}": platform specifier component must match '
                + _PART_RULE
            )
    if len(parts) == 1:
        return _alone(system, version, text)
    if len(parts) > 3:
        raise _bad(f'"{text}": cannot parse platform specifier')
    if len(parts) == 2:
        return Platform(system, *_implied(parts[1]), version)
    architecture, variant = _normal(parts[1], parts[2])
    if (architecture, variant) == ("arm64", ""):
        variant = "v8"  # it was asked for
    return Platform(system, architecture, variant, version)


def _system(part: str, text: str) -> tuple[str, str]:
    """(system, version) of "windows(10.0.17763)"."""
    name, bracket, version = part.partition("(")
    good = _WORD.issuperset(name) and bool(name)
    if bracket:
        good = good and version[-1:] == ")" and _WORD.issuperset(version[:-1].replace(".", ""))
    if not good:
        raise _bad(
            f'"{part}" is an invalid OS component of "{text}": OSAndVersion specifier component must match '
            + _SYSTEM_RULE
        )
    name = name.lower()
    return {"macos": "darwin"}.get(name, name), version[:-1]


def _alone(name: str, version: str, text: str) -> Platform:
    """A system alone means this machine's architecture; an architecture alone means Linux."""
    if name in _SYSTEMS.split():
        return Platform(name, *_implied(*machine()), version)
    architecture, variant = _implied(name)
    if architecture in _ARCHITECTURES.split():
        return Platform("linux", architecture, variant)
    raise _bad(f'"{text}": unknown operating system or architecture')


def _implied(name: str, variant: str = "") -> tuple[str, str]:
    """An architecture whose variant nobody stated; that of arm is v7, and goes without saying."""
    architecture, variant = _normal(name, variant)
    return architecture, "" if (architecture, variant) == ("arm", "v7") else variant


def parse_or_none(text: str) -> Platform | None:
    """Normalised."""
    try:
        return normalize(parse(text)) if text else None
    except Invalid:
        return None


def of_document(document: "Mapping[str, Any]") -> Platform:
    """The platform of an index's entry or of an image's config, normalised."""
    parts = (document.get(name) or "" for name in ("os", "architecture", "variant"))
    return normalize(Platform(*map(str, parts)))


def runs(wanted: Platform) -> list[tuple[str, str]]:
    """(architecture, variant) of what `wanted` runs, best first: older variants of a machine run on it."""
    architecture, variant = _normal(wanted.architecture, wanted.variant)
    if architecture == "amd64":
        level = int(variant[1:]) if variant[1:].isdecimal() else 1
        return [("amd64", f"v{number}" if number > 1 else "") for number in range(level, 0, -1)]
    if architecture == "arm64":
        return [("arm64", "")]
    if architecture == "arm":
        start = _ARM.index(variant) if variant in _ARM else _ARM.index("v7")
        return [("arm", older) for older in _ARM[start:]]
    return [(architecture, variant)]


def choose(descriptors: "Iterable[dict[str, Any]]", wanted: Platform) -> "dict[str, Any]":
    """The entry of an index that suits `wanted` best. Raises Failed in Docker's words when there is none."""
    found = [(of_document(entry.get("platform") or {}), entry) for entry in descriptors]
    for architecture, variant in runs(wanted):
        for platform, entry in found:
            if platform == Platform(wanted.os, architecture, variant):
                return entry
    raise Failed(f"no matching manifest for {wanted} in the manifest list entries")


def offered(descriptors: "Iterable[dict[str, Any]]") -> list[str]:
    """What an index has, for people; attestations left out."""
    names = []
    for entry in descriptors:
        platform = entry.get("platform") or {}
        if platform.get("os") and platform.get("os") != "unknown":
            parts = (platform.get("os"), platform.get("architecture"), platform.get("variant"))
            names.append("/".join(str(part) for part in parts if part))
    return names


def matches(document: "Mapping[str, Any]", wanted: Platform) -> bool:
    """Whether an image whose config, or entry in an index, says this is one for `wanted`.

    One that says nothing is; a variant counts where both state one.
    """
    if not document.get("os") or not document.get("architecture"):
        return True
    found = of_document(document)
    return found.os == wanted.os and any(
        found.architecture == architecture
        and (not found.variant or not wanted.variant or found.variant == variant)
        for architecture, variant in runs(wanted)
    )


def _bad(text: str) -> Invalid:
    return Invalid(f"{text}: invalid argument")
