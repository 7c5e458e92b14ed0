"""What a namespace wants of its pods. k8s.io/pod-security-admission/api"""

from typing import NamedTuple

from sampan.kube.kinds.resource import Object
from sampan.specs.kubernetes import fielderror
from sampan.specs.kubernetes.fielderror import FieldError

PREFIX = "pod-security.kubernetes.io/"
LEVELS = ("privileged", "baseline", "restricted")
LATEST = 1 << 30


class Standard(NamedTuple):
    """A level as a minor version of Kubernetes had it."""

    level: str = "privileged"
    minor: int = LATEST

    def __str__(self) -> str:
        return f"{self.level}:{'latest' if self.minor == LATEST else f'v1.{self.minor}'}"


class Policy(NamedTuple):
    enforce: Standard = Standard()
    audit: Standard = Standard()
    warn: Standard = Standard()

    @property
    def silent(self) -> bool:
        """Does it say nothing about any pod?"""
        return all(one.level == "privileged" for one in self)


def of_namespace(namespace: Object) -> tuple[Policy, list[FieldError]]:
    """What cannot be read is an error; then pods have to keep to the strictest level, and nothing is warned
    of.
    """
    labels = (namespace.get("metadata") or {}).get("labels") or {}
    errors: list[FieldError] = []
    found = [_standard(labels, mode, errors) for mode in Policy._fields]
    return Policy(*found), errors


def _standard(labels: dict[str, str], mode: str, errors: list[FieldError]) -> Standard:
    level = labels.get(PREFIX + mode, "privileged")
    if level not in LEVELS:
        errors.append(_invalid(mode, level, f"must be one of {', '.join(LEVELS)}"))
        level = "restricted" if mode == "enforce" else "privileged"
    version = labels.get(f"{PREFIX}{mode}-version", "latest")
    minor = LATEST if version == "latest" else _minor(version)
    if minor < 0:
        errors.append(_invalid(f"{mode}-version", version, 'must be "latest" or "v1.x"'))
        minor = LATEST
    return Standard(level, minor)


def _invalid(label: str, value: str, why: str) -> FieldError:
    return fielderror.invalid(f"metadata.labels[{PREFIX}{label}]", value, why)


def _minor(version: str) -> int:
    """-1 if it is no version."""
    digits = version.removeprefix("v1.")
    if len(digits) == len(version) or not (digits.isascii() and digits.isdigit()) or len(digits) > 8:
        return -1
    return -1 if digits.startswith("0") and digits != "0" else int(digits)
