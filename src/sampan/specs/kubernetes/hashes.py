"""Hashes in the names of what controllers make of templates. Pure; k8s.io/kubernetes/pkg/controller

They must stay the same for ever: a cluster whose hashes change makes new pods of everything.
"""

from sampan.specs.kubernetes import structs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# No vowels and nothing that looks like one, so that no words come about; apimachinery's util/rand.
LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_START, _PRIME = 0x811C9DC5, 0x01000193
_LONG_START, _LONG_PRIME = 0x6C62272E07BB014262B821756295C58D, 0x0000000001000000000000000000013B


def fnv32a(data: bytes) -> int:
    """FNV-1a of 32 bits; http://www.isthe.com/chongo/tech/comp/fnv/"""
    found = _START
    for byte in data:
        found = (found ^ byte) * _PRIME & 0xFFFFFFFF
    return found


def fnv32(data: bytes) -> int:
    """FNV-1 of 32 bits: multiplies first."""
    found = _START
    for byte in data:
        found = found * _PRIME & 0xFFFFFFFF ^ byte
    return found


def fnv128a(data: bytes) -> int:
    """FNV-1a of 128 bits."""
    found = _LONG_START
    for byte in data:
        found = (found ^ byte) * _LONG_PRIME & (1 << 128) - 1
    return found


def safe(text: str) -> str:
    """Letter by letter what may stand in a name (rand.SafeEncodeString)."""
    return "".join(LETTERS[ord(char) % len(LETTERS)] for char in text)


def template_hash(template: "dict[str, Any]", collisions: "int | None" = None) -> str:
    """Of a pod template, and how often its name was taken (ComputeHash): the label pod-template-hash."""
    data = structs.printed("PodTemplateSpec", template).encode()
    if collisions is not None:
        data += (collisions & 0xFFFFFFFF).to_bytes(4, "little") + bytes(4)
    return safe(str(fnv32a(data)))


def revision_hash(data: bytes, probe: "int | None" = None) -> str:
    """Of a ControllerRevision's data as JSON, and how often its name was taken (HashControllerRevision)."""
    if probe is not None:
        data += str(probe).encode()
    return safe(str(fnv32(data)))
