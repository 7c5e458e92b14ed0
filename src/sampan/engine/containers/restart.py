"""Restart policies: whether and when a container that ended starts again. Pure; the clock is the caller's.

Docker's rules (moby: restartmanager): the wait starts at 100 ms, doubles up to a minute, and starts over
once a container ran for ten seconds.
"""

from dataclasses import dataclass
from typing import Any

from sampan.errors import Invalid

FIRST = 0.1  # seconds
LONGEST = 60.0
STABLE = 10.0  # a run at least this long forgives what was before
NAMES = ("no", "always", "on-failure", "unless-stopped")


def check(policy: dict[str, Any] | None, auto_remove: bool) -> None:
    """Raises Invalid in Docker's words."""
    policy = policy or {}
    name, count = policy.get("Name") or "", policy.get("MaximumRetryCount") or 0
    if not isinstance(name, str) or not isinstance(count, int):
        raise Invalid("invalid restart policy")
    if name not in ("", *NAMES):
        raise Invalid(
            f"invalid restart policy: unknown policy '{name}'; "
            "use one of 'no', 'always', 'on-failure', or 'unless-stopped'"
        )
    if count < 0:
        extra = "" if name == "on-failure" else " and can only be used with 'on-failure'"
        raise Invalid(f"invalid restart policy: maximum retry count cannot be negative{extra}")
    if name != "on-failure" and count != 0:
        raise Invalid("invalid restart policy: maximum retry count can only be used with 'on-failure'")
    if auto_remove and name not in ("", "no"):
        raise Invalid("can't create 'AutoRemove' container with restart policy")


@dataclass
class RestartMonitor:
    """One container's memory of its recent ends."""

    wait: float = 0.0
    count: int = 0
    cancelled: bool = False

    def reset(self) -> None:
        """Someone started it by hand: what was before does not count."""
        self.wait, self.count, self.cancelled = 0.0, 0, False

    def next(self, policy: dict[str, Any], exit_code: int, stopped: bool, ran: float) -> float | None:
        """Seconds to wait before the next start, or None. `stopped`: someone stopped it by hand."""
        name = policy.get("Name") or "no"
        if name == "no" or self.cancelled:
            return None
        if ran >= STABLE:
            self.wait = 0.0
        self.wait = min(self.wait * 2, LONGEST) if self.wait else FIRST
        if not wanted(policy, exit_code, stopped, self.count):
            return None
        self.count += 1
        return self.wait


def wanted(policy: dict[str, Any], exit_code: int, stopped: bool, count: int) -> bool:
    match policy.get("Name"):
        case "always":
            return True
        case "unless-stopped":
            return not stopped
        case "on-failure":
            most = policy.get("MaximumRetryCount") or 0
            return exit_code != 0 and (most == 0 or count < most)
    return False
