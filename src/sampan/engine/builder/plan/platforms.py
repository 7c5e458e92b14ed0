"""Platforms as containerd writes, reads and normalises them: linux/amd64, linux/arm/v7. Pure."""

import re
from dataclasses import dataclass

from sampan.errors import Invalid
from sampan.images.config import host_architecture

_COMPONENT = re.compile("[A-Za-z0-9_.-]+")
# "linux(10.0.1)+feature": the version of the system in parentheses. containerd/platforms.
_OS = re.compile(r"([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%+-]*)\))?")
_ARCHITECTURES = {
    "i386": ("386", ""),
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", "v8"),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_SYSTEMS = {"macos": "darwin"}
_KNOWN_SYSTEMS = frozenset(
    (
        "aix",
        "android",
        "darwin",
        "dragonfly",
        "freebsd",
        "illumos",
        "ios",
        "js",
        "linux",
        "netbsd",
        "openbsd",
        "plan9",
        "solaris",
        "wasip1",
        "windows",
    )
)
_KNOWN_ARCHITECTURES = frozenset(
    (
        "386",
        "amd64",
        "amd64p32",
        "arm",
        "armbe",
        "arm64",
        "arm64be",
        "loong64",
        "mips",
        "mipsle",
        "mips64",
        "mips64le",
        "ppc",
        "ppc64",
        "ppc64le",
        "riscv",
        "riscv64",
        "s390",
        "s390x",
        "sparc",
        "sparc64",
        "wasm",
    )
)


@dataclass(frozen=True)
class Platform:
    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""

    def __str__(self) -> str:
        """As containerd's FormatAll."""
        version = f"({self.os_version})" if self.os_version else ""
        return "/".join(part for part in (self.os + version, self.architecture, self.variant) if part)

    @property
    def short(self) -> str:
        """Without the system's version: what TARGETPLATFORM is."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def same_machine(self, other: "Platform") -> bool:
        return self.os == other.os and self.architecture == other.architecture


def host_platform() -> Platform:
    return normalize(Platform("linux", *host_architecture()))


def normalize(platform: Platform) -> Platform:
    """The usual names, and no variant where it is the default one."""
    system = platform.os.lower()
    architecture, variant = platform.architecture.lower(), platform.variant.lower()
    if architecture in _ARCHITECTURES:
        architecture, implied = _ARCHITECTURES[architecture]
        variant = variant or implied
    if (architecture == "arm64" and variant in ("8", "v8")) or (architecture == "amd64" and variant == "v1"):
        variant = ""
    elif architecture == "arm":
        variant = {"": "v7", "7": "v7", "5": "v5", "6": "v6", "8": "v8"}.get(variant, variant)
    return Platform(_SYSTEMS.get(system, system), architecture, variant, platform.os_version)


def parse(text: str) -> Platform:
    """Normalised. Raises Invalid with containerd's words."""
    if "*" in text:
        raise Invalid(f'"{text}": wildcards not yet supported: invalid argument')
    parts = text.split("/")
    for index, part in enumerate(parts):
        if not (_OS if index == 0 else _COMPONENT).fullmatch(part):
            raise Invalid(
                f'"{part}" is an invalid component of "{text}": platform specifier component must match '
                f'"^[A-Za-z0-9_.-]+$": invalid argument'
            )
    match = _OS.fullmatch(parts[0])
    assert match is not None
    name, version = match[1], match[2] or ""
    host = host_platform()
    if len(parts) == 1:
        system = normalize(Platform(name, "")).os
        if system in _KNOWN_SYSTEMS:
            return Platform(system, host.architecture, host.variant, version)
        machine = normalize(Platform(host.os, name))
        if machine.architecture in _KNOWN_ARCHITECTURES:
            return machine
        raise Invalid(f'"{text}": unknown operating system or architecture: invalid argument')
    if len(parts) > 3:
        raise Invalid(f'"{text}": cannot parse platform specifier: invalid argument')
    return normalize(Platform(name, parts[1], parts[2] if len(parts) == 3 else "", version))


def parse_or_none(text: str) -> Platform | None:
    try:
        return parse(text) if text else None
    except Invalid:
        return None
