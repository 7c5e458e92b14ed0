"""What there is to do: a Plan of Steps. Pure data, printable, made by `plan`, executed by `solve`.

A step's inputs are always earlier steps. Step 0 of no input is a source; the first input of a RUN or of file
actions is the file system it changes (`SCRATCH`: an empty one), the others are what it copies from or mounts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sampan.specs.oci.image import ContainerConfig

SCRATCH = -1


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Lines of the Dockerfile, from 1, both included."""

    first: int
    last: int


# Sources


@dataclass(frozen=True, kw_only=True)
class ImageSource:
    """An image, resolved before planning since its config was needed: `image_id` is the config's digest."""

    reference: str  # familiar or canonical, as shown: docker.io/library/busybox:latest@sha256:...
    image_id: str
    platform: str  # linux/amd64


@dataclass(frozen=True, kw_only=True)
class LocalSource:
    """A directory of the requester. `paths`: all that is copied from it (patterns); (): all of it."""

    name: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class GitSource:
    url: str  # with #ref:subdir
    keep_git_dir: bool = False
    checksum: str = ""


@dataclass(frozen=True, kw_only=True)
class HttpSource:
    """One file, named `filename` (from the URL, or the answer's header when "")."""

    url: str
    filename: str = ""
    checksum: str = ""  # sha256:...


@dataclass(frozen=True, kw_only=True)
class ResultSource:
    """What another build has made: `--build-context x=target:y` of a bake file."""

    id: str


# RUN


@dataclass(frozen=True, kw_only=True)
class RunMount:
    """One `--mount`. `input` is an index into the step's inputs (None: nothing is mounted from)."""

    type: Literal["bind", "cache", "tmpfs", "secret", "ssh"]
    target: str
    input: int | None = None
    source: str = ""
    read_only: bool = False  # a writable bind is thrown away afterwards
    id: str = ""  # cache, secret, ssh
    sharing: Literal["shared", "private", "locked"] = "shared"
    required: bool = False
    mode: int | None = None
    uid: int = 0
    gid: int = 0
    size: int = 0  # tmpfs, bytes
    env: str = ""  # secret as a variable instead of (or besides) a file


@dataclass(frozen=True, kw_only=True)
class Run:
    args: tuple[str, ...]
    env: tuple[str, ...]  # NAME=value, complete: PATH, ENV and ARG; part of the cache key
    cwd: str
    user: str = ""
    mounts: tuple[RunMount, ...] = ()
    network: Literal["default", "none", "host"] = "default"
    insecure: bool = False  # --security=insecure
    stdin: bytes | None = None  # a heredoc that is handed to the program
    proxy: tuple[str, ...] = ()  # http_proxy=... and the like: in the environment, but in no cache key
    hostname: str = ""


# File actions


@dataclass(frozen=True, kw_only=True)
class Copy:
    """COPY or ADD of what is in an input.

    `sources` are paths in it, with wildcards; none of them may leave it. `dest` is absolute; it ends with "/"
    when it must be a directory. A directory's content is copied, not itself. Parents are made (root, 0755).
    """

    input: int  # index into the step's inputs
    sources: tuple[str, ...]
    dest: str
    chown: str = ""  # names are looked up in the file system that is changed
    chmod: str = ""  # octal, or symbolic as chmod(1)'s
    exclude: tuple[str, ...] = ()
    parents: bool = False
    unpack: bool = False  # local archives of ADD
    file_name: str = ""  # for a HttpSource: ends up in a directory under this name
    required: bool = True  # a wildcard that matches nothing is an error


@dataclass(frozen=True, kw_only=True)
class WriteFile:
    """A heredoc of COPY or ADD."""

    dest: str  # absolute; "/" at the end: a directory, the file is called `name`
    name: str
    data: bytes
    chown: str = ""
    chmod: str = ""


@dataclass(frozen=True, kw_only=True)
class MakeDirectory:
    """WORKDIR: the directory and its parents, 0755; owned by `owner` when it is made."""

    path: str
    owner: str = ""


Action = Copy | WriteFile | MakeDirectory


@dataclass(frozen=True, kw_only=True)
class Files:
    """Actions that make one layer."""

    actions: tuple[Action, ...]


Operation = ImageSource | LocalSource | GitSource | HttpSource | ResultSource | Run | Files


@dataclass(frozen=True, kw_only=True)
class Step:
    id: int  # its index in Plan.steps
    operation: Operation
    inputs: tuple[int, ...] = ()  # ids of earlier steps, or SCRATCH
    name: str  # as progress shows it: "[build 2/3] RUN make", "[internal] load build context"
    stage: str = ""  # name or number of its stage
    instruction: str = ""  # the line as history shows it without shell: "RUN make"; for --explain
    lines: Lines | None = None
    no_cache: bool = False
    platform: str = ""
    epoch: int = 0  # what times of files in its layer are clamped to; seconds


@dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    """A line of `docker history`. `step` made its layer; None: it changes no files (empty_layer)."""

    created_by: str
    step: int | None = None
    comment: str = "buildkit.dockerfile.v0"
    author: str = ""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One image to make, for one platform."""

    platform: str
    step: int  # whose file system it is, or SCRATCH
    base: ImageSource | None  # its layers and history come first
    config: ContainerConfig
    history: tuple[HistoryEntry, ...]  # in addition to the base's
    base_history: tuple[Mapping[str, Any], ...] = ()  # the base's, as its config has it
    # What the base's config document says besides `config`, `history` and `rootfs` (os.version, author, ...).
    document: Mapping[str, Any] = field(default_factory=dict)
    # SOURCE_DATE_EPOCH, or else when the base was created, 0 when there is none; seconds.
    epoch: int = 0


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """The history that a stage's image would have, as far as its steps are needed."""

    base_history: tuple[Mapping[str, Any], ...]
    history: tuple[HistoryEntry, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`steps` holds only what the targets need, in an order in which it can be done."""

    steps: tuple[Step, ...]
    targets: tuple[Target, ...]
    lineages: tuple[Lineage, ...] = ()
