"""The platforms whose programs run here: the processor's, and those with an emulator in binfmt_misc."""

from functools import cache
from pathlib import Path

from sampan.specs.oci import platform as platforms
from sampan.specs.oci.platform import Platform, normalize

# The x86-64 psABI's levels by what /proc/cpuinfo calls their features.
LEVELS = (
    ("v2", {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"}),
    ("v3", {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"}),
    ("v4", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
)
# What QEMU's packages call their entries in binfmt_misc.
EMULATORS = {
    "qemu-aarch64": "arm64",
    "qemu-arm": "arm",
    "qemu-i386": "386",
    "qemu-loongarch64": "loong64",
    "qemu-mips64": "mips64",
    "qemu-mips64el": "mips64le",
    "qemu-ppc64le": "ppc64le",
    "qemu-riscv64": "riscv64",
    "qemu-s390x": "s390x",
    "qemu-x86_64": "amd64",
}
BINFMT = Path("/proc/sys/fs/binfmt_misc")


def runnable() -> list[Platform]:
    host = platforms.host()
    found = [host, *native(host)]
    for name, architecture in EMULATORS.items():
        if enabled(BINFMT / name):
            platform = normalize(Platform("linux", architecture))
            if platform not in found:
                found.append(platform)
    return found


def native(host: Platform) -> list[Platform]:
    """What the processor runs besides its own."""
    if host.architecture == "amd64":
        return [
            *(Platform("linux", "amd64", level) for level in levels(features())),
            Platform("linux", "386"),
        ]
    return [Platform("linux", "arm", "v7")] if host.architecture == "arm64" else []


def levels(flags: set[str]) -> list[str]:
    found = []
    for level, needed in LEVELS:
        if not needed <= flags:
            break
        found.append(level)
    return found


@cache
def features() -> set[str]:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return set(line.partition(":")[2].split())
    return set()


def enabled(entry: Path) -> bool:
    try:
        return entry.read_text().startswith("enabled")
    except OSError:
        return False
