"""What a container has when nobody says anything: moby oci/defaults.go and runc specconv.AllowedDevices."""

import functools
import glob

from sampan.specs.oci.runtime import DeviceRule, Mount

_MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@functools.cache
def masked_paths() -> tuple[str, ...]:
    """What tells of others on the machine: Docker 28's list, with what its processors have.

    GHSA-6fw5-f8r9-fgfm: keystrokes and web pages can be told from counters of interrupts and throttling.
    """
    throttles = glob.glob("/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle")
    return (*_MASKED_PATHS, *sorted(throttles))


def mounts() -> list[Mount]:
    return [
        _mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
        # strictatime and mode: tmpfs defaults to 1777, which would make /dev world-writable. tmpfs(5)
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount(
            "/dev/pts", "devpts", "devpts",
            "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5",
        ),
        _mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", "nosuid", "noexec", "nodev"),
        _mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        _mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777"),
    ]  # fmt: skip


def _mount(destination: str, type: str, source: str, *options: str) -> Mount:
    return {"destination": destination, "type": type, "source": source, "options": list(options)}


def device_rules() -> list[DeviceRule]:
    """mknod of anything, use of the nodes in a container's /dev."""
    rules: list[DeviceRule] = [{"allow": False, "access": "rwm"}]
    rules += [{"allow": True, "type": kind, "access": "m"} for kind in ("c", "b")]
    for major, minor in ((1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2), (136, -1)):
        rule: DeviceRule = {"allow": True, "type": "c", "major": major, "access": "rwm"}
        if minor >= 0:
            rule["minor"] = minor
        rules.append(rule)
    return rules
