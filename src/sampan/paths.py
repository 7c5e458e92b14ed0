"""Every path on disk. Nothing else computes one.

<data-root>                  /var/lib/sampan: survives a reboot
  format                     version of this layout
  sampan.db                  all metadata (SQLite, WAL)
  content/                   OCI image layout: blobs/<algorithm>/<hex>, ingest/ for partial ones
  layers/<hex of diff ID>/   unpacked layers (directory form: fs/)
  containers/<id>/           upper/ work/ hostname hosts resolv.conf <id>-json.log
  volumes/<name>/_data       named and anonymous volumes
  tmp/                       emptied at every start
  trash/                     removed trees on their way out; emptied in the background
<exec-root>                  /run/sampan: gone after a reboot, like the processes it describes
  sampand.pid                also the lock that keeps a second daemon out
  containers/<id>/           start.json shim.sock state.json exit.json network.json execs/
"""

from dataclasses import dataclass
from pathlib import Path

DATA_ROOT = "/var/lib/sampan"
EXEC_ROOT = "/run/sampan"
SOCKET = "/run/sampan.sock"
CONFIG_FILE = "/etc/sampan/daemon.json"


@dataclass(frozen=True)
class Paths:
    data: Path = Path(DATA_ROOT)
    exec: Path = Path(EXEC_ROOT)

    @property
    def format(self) -> Path:
        return self.data / "format"

    @property
    def database(self) -> Path:
        return self.data / "sampan.db"

    @property
    def content(self) -> Path:
        return self.data / "content"

    @property
    def layers(self) -> Path:
        return self.data / "layers"

    @property
    def init_layer(self) -> Path:
        return self.data / "init"

    @property
    def containers(self) -> Path:
        return self.data / "containers"

    def container(self, id: str) -> "ContainerPaths":
        return ContainerPaths(id, self.containers / id, self.exec / "containers" / id)

    @property
    def volumes(self) -> Path:
        return self.data / "volumes"

    @property
    def tmp(self) -> Path:
        return self.data / "tmp"

    @property
    def trash(self) -> Path:
        return self.data / "trash"

    @property
    def pidfile(self) -> Path:
        return self.exec / "sampand.pid"


@dataclass(frozen=True)
class ContainerPaths:
    id: str
    data: Path
    exec: Path

    @property
    def upper(self) -> Path:
        return self.data / "upper"

    @property
    def work(self) -> Path:
        return self.data / "work"

    @property
    def hostname(self) -> Path:
        return self.data / "hostname"

    @property
    def hosts(self) -> Path:
        return self.data / "hosts"

    @property
    def resolv_conf(self) -> Path:
        return self.data / "resolv.conf"

    @property
    def log(self) -> Path:
        """json-file's own name, as tools that tail Docker's logs expect it."""
        return self.data / f"{self.id}-json.log"

    @property
    def local_log(self) -> Path:
        return self.data / "local-logs" / "container.log"

    @property
    def start_request(self) -> Path:
        return self.exec / "start.json"

    @property
    def shim_socket(self) -> Path:
        return self.exec / "shim.sock"

    @property
    def state(self) -> Path:
        return self.exec / "state.json"

    @property
    def exit(self) -> Path:
        return self.exec / "exit.json"

    @property
    def network(self) -> Path:
        """Addresses, interfaces and ports it has; the next daemon takes over from it."""
        return self.exec / "network.json"

    @property
    def execs(self) -> Path:
        return self.exec / "execs"
