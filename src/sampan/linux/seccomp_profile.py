"""Docker's form of a seccomp profile: which of its rules are for this container on this machine.

moby profiles/seccomp: a rule may include or exclude capabilities, architectures and kernel versions.
"""

from __future__ import annotations

from sampan.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# os.uname().machine -> (name in "architectures", name in "arches")
MACHINES = {
    "x86_64": ("SCMP_ARCH_X86_64", "amd64"),
    "aarch64": ("SCMP_ARCH_AARCH64", "arm64"),
}


def select(profile: dict[str, Any], capabilities: Iterable[str], machine: str, kernel: str) -> dict[str, Any]:
    """The plain OCI form: what "includes" and "excludes" say about this container decided. Raises Invalid."""
    native, go_name = native_machine(machine)
    if profile.get("architectures") and profile.get("archMap"):
        raise Invalid(
            "both 'architectures' and 'archMap' are specified in the seccomp profile, "
            "use either 'architectures' or 'archMap'"
        )
    architectures = list(profile.get("architectures") or ())
    for entry in profile.get("archMap") or ():
        if entry.get("architecture") == native:
            architectures = [native, *(entry.get("subArchitectures") or ())]
    granted = set(capabilities)
    rules = []
    for rule in profile.get("syscalls") or ():
        if rule.get("name") and rule.get("names"):
            raise Invalid(
                "'name' and 'names' were specified in the seccomp profile, use either 'name' or 'names'"
            )
        if not _excluded(rule.get("excludes") or {}, granted, go_name, kernel) and _included(
            rule.get("includes") or {}, granted, go_name, kernel
        ):
            names = rule.get("names") or ([rule["name"]] if rule.get("name") else [])
            rules.append({**rule, "names": names})
    return {**profile, "architectures": architectures or [native], "syscalls": rules}


def native_machine(machine: str) -> tuple[str, str]:
    try:
        return MACHINES[machine]
    except KeyError:
        raise Invalid(f"seccomp: no system call table for {machine}", hint="use seccomp=unconfined") from None


def _excluded(excludes: dict[str, Any], granted: set[str], arch: str, kernel: str) -> bool:
    minimum = excludes.get("minKernel")
    return (
        arch in (excludes.get("arches") or ())
        or any(name in granted for name in excludes.get("caps") or ())
        or bool(minimum and _at_least(kernel, minimum))
    )


def _included(includes: dict[str, Any], granted: set[str], arch: str, kernel: str) -> bool:
    arches, minimum = includes.get("arches"), includes.get("minKernel")
    return (
        not (arches and arch not in arches)
        and all(name in granted for name in includes.get("caps") or ())
        and not (minimum and not _at_least(kernel, minimum))
    )


def _at_least(kernel: str, minimum: str) -> bool:
    return _version(kernel) >= _version(minimum)


def _version(text: str) -> tuple[int, int]:
    major, _, rest = text.partition(".")
    digits = ""
    for character in rest:
        if not character.isdigit():
            break
        digits += character
    try:
        return int(major), int(digits or 0)
    except ValueError:
        raise Invalid(f'invalid kernel version "{text}" in the seccomp profile') from None
