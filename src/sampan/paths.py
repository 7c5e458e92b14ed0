"""Every path on disk. Nothing else computes one.

<data-root>                  /var/lib/sampan: survives a reboot
  format                     version of this layout
  sampan.db                  all metadata (SQLite, WAL)
  content/                   OCI image layout: blobs/<algorithm>/<hex>, ingest/ for ones that are arriving
  layers/<hex of diff ID>/   fs/ (the files), or layer.tar and index.erofs: storage/layers.py
  containers/<id>/           upper/ work/ hostname hosts resolv.conf <id>-json.log
  volumes/<name>/            _data/, the volume; _filling/ while it gets what an image has at its place
  tmp/                       emptied at every start
  build/                     the builder's: history/ of finished builds; digests/ of files; http/ and git/,
                             what was fetched; received/, directories of sessions; mounts/ of type cache;
                             points/, the mount points of every step;
                             contexts/ and steps/ of running builds, emptied at every start
  trash/                     removed trees on their way out; emptied in the background
  kube/                      the cluster, which works without an engine as well
    store.db                 its objects (SQLite, WAL)
    pki/                     certificates and keys, made and renewed by the API server
    admin.kubeconfig         for kubectl and helm
    keys/                    what secrets are encrypted by, secrets-<n>.key
    logs/                    kube-api.log, kube-control.log, audit.log
<exec-root>                  /run/sampan: gone after a reboot, like the processes it describes
  sampand.pid                also the lock that keeps a second daemon out
  ports/                     shim.sock of the process that relays published ports
  containers/<id>/           start.json shim.sock state.json exit.json network.json execs/
  build/<step>/              the same of a RUN step
  kube/                      api.pid, also the lock that keeps a second API server out
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

DATA_ROOT = "/var/lib/sampan"
EXEC_ROOT = "/run/sampan"
SOCKET = "/run/sampan.sock"
CONFIG_FILE = "/etc/sampan/daemon.json"
REMEMBERED = 64  # containers whose paths are kept in memory


@dataclass(frozen=True)
class Paths:
    """The tree above, below its two roots. Nothing is created by asking."""

    data: Path = Path(DATA_ROOT)
    exec: Path = Path(EXEC_ROOT)

    @cached_property
    def format(self) -> Path:
        return self.data / "format"

    @cached_property
    def database(self) -> Path:
        return self.data / "sampan.db"

    @cached_property
    def content(self) -> Path:
        return self.data / "content"

    @cached_property
    def layers(self) -> Path:
        return self.data / "layers"

    @cached_property
    def init_layer(self) -> Path:
        return self.data / "init"

    @cached_property
    def containers(self) -> Path:
        return self.data / "containers"

    def container(self, id: str) -> "ContainerPaths":
        """Making paths costs more than using them, and a start asks for its container's a dozen times."""
        found = self._recent.get(id)
        if found is None:
            if len(self._recent) >= REMEMBERED:
                self._recent.clear()
            found = self._recent[id] = ContainerPaths(id, self.containers / id, self.exec / "containers" / id)
        return found

    @cached_property
    def _recent(self) -> "dict[str, ContainerPaths]":
        return {}

    @cached_property
    def volumes(self) -> Path:
        return self.data / "volumes"

    @cached_property
    def builds(self) -> Path:
        return self.data / "build"

    @cached_property
    def tmp(self) -> Path:
        return self.data / "tmp"

    @cached_property
    def trash(self) -> Path:
        return self.data / "trash"

    @cached_property
    def build_contexts(self) -> Path:
        return self.data / "build" / "contexts"

    @cached_property
    def build_received(self) -> Path:
        return self.data / "build" / "received"

    @cached_property
    def build_digests(self) -> Path:
        return self.data / "build" / "digests"

    @cached_property
    def build_http(self) -> Path:
        return self.data / "build" / "http"

    @cached_property
    def build_git(self) -> Path:
        return self.data / "build" / "git"

    @cached_property
    def build_mounts(self) -> Path:
        return self.data / "build" / "mounts"

    @cached_property
    def build_points(self) -> Path:
        return self.data / "build" / "points"

    @cached_property
    def build_steps(self) -> Path:
        return self.data / "build" / "steps"

    def build_step(self, build: str, number: int) -> "ContainerPaths":
        """A step runs as a container does: its upper and work, and its shim's files."""
        id = f"{build}-{number}"
        return ContainerPaths(id, self.build_steps / build / str(number), self.build_shims / id)

    @cached_property
    def build_shims(self) -> Path:
        return self.exec / "build"

    @cached_property
    def pidfile(self) -> Path:
        return self.exec / "sampand.pid"

    @cached_property
    def ports(self) -> Path:
        return self.exec / "ports"


@dataclass(frozen=True)
class ContainerPaths:
    """Of a container or a RUN step; `data` survives a reboot and `exec` does not. Nothing is created by
    asking.
    """

    id: str
    data: Path
    exec: Path

    @cached_property
    def upper(self) -> Path:
        return self.data / "upper"

    @cached_property
    def work(self) -> Path:
        return self.data / "work"

    @cached_property
    def hostname(self) -> Path:
        return self.data / "hostname"

    @cached_property
    def hosts(self) -> Path:
        return self.data / "hosts"

    @cached_property
    def resolv_conf(self) -> Path:
        return self.data / "resolv.conf"

    @cached_property
    def log(self) -> Path:
        """json-file's own name, as tools that tail Docker's logs expect it."""
        return self.data / f"{self.id}-json.log"

    @cached_property
    def local_log(self) -> Path:
        return self.data / "local-logs" / "container.log"

    @cached_property
    def start_request(self) -> Path:
        return self.exec / "start.json"

    @cached_property
    def shim_socket(self) -> Path:
        return self.exec / "shim.sock"

    @cached_property
    def state(self) -> Path:
        return self.exec / "state.json"

    @cached_property
    def exit(self) -> Path:
        return self.exec / "exit.json"

    @cached_property
    def network(self) -> Path:
        """Addresses, interfaces and ports it has; the next daemon takes over from it."""
        return self.exec / "network.json"

    @cached_property
    def execs(self) -> Path:
        return self.exec / "execs"


@dataclass(frozen=True)
class KubePaths:
    """Of a cluster; nothing is created by asking."""

    data: Path = Path(DATA_ROOT) / "kube"
    exec: Path = Path(EXEC_ROOT) / "kube"

    @cached_property
    def store(self) -> Path:
        return self.data / "store.db"

    @cached_property
    def pki(self) -> Path:
        return self.data / "pki"

    @cached_property
    def kubeconfig(self) -> Path:
        return self.data / "admin.kubeconfig"

    @cached_property
    def keys(self) -> Path:
        return self.data / "keys"

    @cached_property
    def logs(self) -> Path:
        return self.data / "logs"

    @cached_property
    def pidfile(self) -> Path:
        return self.exec / "api.pid"

    @cached_property
    def controllers(self) -> Path:
        """The name by which this machine's controllers lead."""
        return self.data / "controllers.id"

    @cached_property
    def decisions(self) -> Path:
        """The socket on which the controllers' process tells why it left objects as they are."""
        return self.exec / "decisions.sock"
