"""What the daemon's configuration and its machine make of every container."""

import posixpath
from dataclasses import dataclass, field
from pathlib import Path

from sampan.engine.daemon.config import DaemonConfig
from sampan.engine.ocispec.build import Defaults
from sampan.engine.ocispec.host import Host, detect
from sampan.errors import Failed
from sampan.runtime.cgroups import settle


@dataclass
class Settings:
    """Shared by all operations, each of which reads it when it needs it: SIGHUP changes it."""

    config: DaemonConfig
    host: Host = field(default_factory=detect)
    defaults: Defaults = field(init=False)

    def __post_init__(self) -> None:
        self.reconfigure(self.config)

    def reconfigure(self, config: DaemonConfig) -> None:
        """Raises Failed when the seccomp profile cannot be read."""
        self.config = config
        self.defaults = Defaults(
            init=config.init,
            no_new_privileges=config.no_new_privileges,
            seccomp_profile=seccomp_profile(config.seccomp_profile),
            ulimits=config.default_ulimits,
            cgroup_parent=posixpath.join("/", config.cgroup_parent or settle(self.host.layout)),
        )


def seccomp_profile(setting: str) -> str:
    """ "builtin" and "unconfined" as they are, else the profile in the file of that name. Raises Failed."""
    if setting in ("", "builtin", "unconfined"):
        return setting or "builtin"
    try:
        return Path(setting).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"cannot read the seccomp profile {setting}: {error}") from error
