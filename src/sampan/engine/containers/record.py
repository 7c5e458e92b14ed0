"""What the database holds about one container: everything that survives a restart of the daemon.

Documents that Docker's API shows as they are (config, host_config, endpoints, mount points) stay plain
dictionaries with Docker's keys.
"""

import posixpath
from dataclasses import dataclass, field, fields
from typing import Any

from sampan.specs.golang import time as times


@dataclass
class State:
    """Docker's container state; `status` and what inspect shows follow from it."""

    running: bool = False
    paused: bool = False
    restarting: bool = False
    oom_killed: bool = False
    dead: bool = False
    removing: bool = False
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    started_at: str = times.ZERO
    finished_at: str = times.ZERO
    health: dict[str, Any] | None = None  # runtime.protocol.HealthState

    @property
    def status(self) -> str:
        if self.running:
            if self.paused:
                return "paused"
            return "restarting" if self.restarting else "running"
        if self.removing:
            return "removing"
        if self.dead:
            return "dead"
        return "created" if self.started_at == times.ZERO else "exited"

    def document(self) -> dict[str, Any]:
        """`State` of GET /containers/<id>/json."""
        state: dict[str, Any] = {
            "Status": self.status,
            "Running": self.running,
            "Paused": self.paused,
            "Restarting": self.restarting,
            "OOMKilled": self.oom_killed,
            "Dead": self.dead,
            "Pid": self.pid,
            "ExitCode": self.exit_code,
            "Error": self.error,
            "StartedAt": self.started_at,
            "FinishedAt": self.finished_at,
        }
        if self.health is not None:
            state["Health"] = self.health
        return state


@dataclass
class ContainerRecord:
    """One row, `containers/<id>`. Mutable; changed under the container's lock, then `save`d."""

    id: str
    name: str  # without Docker's leading slash
    created: str
    image: str  # as the user wrote it
    image_id: str
    path: str
    args: list[str]
    config: dict[str, Any]
    host_config: dict[str, Any]
    networking: dict[str, Any] = field(default_factory=dict)  # network name -> EndpointSettings, as asked for
    endpoints: dict[str, Any] = field(default_factory=dict)  # network name -> EndpointSettings, as they are
    resolv_conf: str = ""  # digest of the file as we wrote it, to see the user's edits
    mount_points: list[dict[str, Any]] = field(default_factory=list)
    state: State = field(default_factory=State)
    lower: list[str] = field(default_factory=list)  # the image's layers, top-most first
    log_path: str = ""
    apparmor_profile: str = ""
    restart_count: int = 0
    manually_stopped: bool = False
    first_id: int = 0  # --userns=auto: where its range of user and group IDs begins
    cgroup: str = field(kw_only=True)  # its path, whether or not it runs
    started_before: bool = False  # a first start happened, so files like hosts exist
    platform: str = "linux"

    def __post_init__(self) -> None:
        # Whatever is in it is listed, frozen, killed: it must not be anybody else's.
        if posixpath.basename(self.cgroup) != self.id:
            raise ValueError(f'container {self.id} cannot have the cgroup "{self.cgroup}"')

    @property
    def key(self) -> str:
        return f"containers/{self.id}"

    @property
    def short_id(self) -> str:
        return self.id[:12]

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "ContainerRecord":
        """Unknown fields (of a newer version) are dropped; missing ones get their defaults."""
        known = {item.name for item in fields(cls)}
        values = {name: value for name, value in row.items() if name in known}
        state = values.get("state") or {}
        names = {item.name for item in fields(State)}
        values["state"] = State(**{name: value for name, value in state.items() if name in names})
        return cls(**values)
