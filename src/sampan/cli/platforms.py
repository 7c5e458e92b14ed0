"""Platforms as OS/ARCHITECTURE/VARIANT texts, any one part of which may be left out but one.

Source: OCI image specification, "platform" of an index; the names are Go's GOOS and GOARCH.
"""

from __future__ import annotations

from sampan.cli.errors import CliError

_SYSTEMS = (
    "aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris "
    "windows zos"
)
_ARCHITECTURES = (
    "386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le "
    "mips64p32 mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm"
)
# what machines and distributions call them -> (architecture, variant)
_OTHER_NAMES = {
    "i386": ("386", ""),
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_SYSTEM_RULE = r'"^([A-Za-z0-9_-]+)(?:\\(([A-Za-z0-9_.-]*)\\))?$"'
_PART_RULE = '"^[A-Za-z0-9_.-]+$"'


def parse(text: str) -> dict[str, str]:
    """The platform object of the OCI specification; raises CliError for what is none."""
    parts = text.split("/")
    system, version = _system(parts[0], text)
    for part in parts[1:]:
        if not part or not _WORD.issuperset(part.replace(".", "")):
            raise _bad(
                f'"{part}" is an invalid component of "{text}": platform specifier component must match '
                + _PART_RULE
            )
    if len(parts) == 1:
        return _one(system, version, text)
    if len(parts) > 3:
        raise _bad(f'"{text}": cannot parse platform specifier')
    if len(parts) == 2:
        return _object(system, version, *_implied(parts[1]))
    architecture, variant = normal(parts[1], parts[2])
    if (architecture, variant) == ("arm64", ""):
        variant = "v8"  # it was asked for
    return _object(system, version, architecture, variant)


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


def _one(name: str, version: str, text: str) -> dict[str, str]:
    """A system alone means this machine's architecture; an architecture alone means Linux."""
    if name in _SYSTEMS.split():
        return _object(name, version, *here())
    architecture, variant = _implied(name)
    if architecture in _ARCHITECTURES.split():
        return _object("linux", "", architecture, variant)
    raise _bad(f'"{text}": unknown operating system or architecture')


def _implied(name: str) -> tuple[str, str]:
    """An architecture whose variant nobody stated; that of arm is v7, and goes without saying."""
    architecture, variant = normal(name, "")
    return architecture, "" if (architecture, variant) == ("arm", "v7") else variant


def is_known(system: str, architecture: str) -> bool:
    """Whether both are names of Go's."""
    return system in _SYSTEMS.split() and architecture in _ARCHITECTURES.split()


def here() -> tuple[str, str]:
    """(architecture, variant) of this machine."""
    import os

    machine = os.uname().machine
    if machine.startswith("armv"):
        return "arm", machine[3:5]
    return normal(machine, "")


def normal(architecture: str, variant: str) -> tuple[str, str]:
    """The specification's names, with the variants that go without saying left out."""
    architecture, variant = architecture.lower(), variant.lower()
    if architecture in _OTHER_NAMES:
        architecture, implied = _OTHER_NAMES[architecture]
        variant = implied or variant
    if (architecture, variant) in (("amd64", "v1"), ("arm64", "8"), ("arm64", "v8")):
        variant = ""
    elif architecture == "arm":
        variant = {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"}.get(variant, variant)
    return architecture, variant


def _object(system: str, version: str, architecture: str, variant: str) -> dict[str, str]:
    found = {"architecture": architecture, "os": system, "os.version": version, "variant": variant}
    return {name: value for name, value in found.items() if value}


def _bad(text: str) -> CliError:
    return CliError(f"{text}: invalid argument")
