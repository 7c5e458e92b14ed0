"""What daemon, launcher, shim and container init say to each other.

daemon -> launcher: one SOCK_SEQPACKET message per request, JSON, descriptors by SCM_RIGHTS:

    {"op": "start", "dir": "/run/sampan/containers/<id>", "fds": ["control", "attach:0", "layer:0", ...]}
    {"op": "task",  "task": "archive", "request": "<path of a JSON file>", "fds": ["control", ...]}

The launcher forks, or passes a start on to a shim it has forked in advance, and answers nothing: the child (a
shim, or a task) speaks on "control", a SOCK_SEQPACKET whose end of file means it died. The request proper is
a file (start.json, a `StartRequest`), because a message is bounded by the socket buffer and because a file
can be looked at.

daemon <-> shim: the same protocol on "control" and on every connection to <dir>/shim.sock. One JSON object
per message. Requests carry "seq", which the reply repeats; a reply has "error" (an `ErrorReply`) or the
result.

    start                       (implied by the launcher's message)     -> {"event": "started", "pid": N, ..}
                                                              or {"event": "failed", "error": ErrorReply}
    {"op": "attach", "attach": Attach} + 1 fd                              -> {}
    {"op": "exec", "id": EXEC} (+ 1 fd)    reads execs/<EXEC>.json, an `ExecRequest`  -> {"pid": N}
    {"op": "resize", "exec": EXEC | null, "height": H, "width": W}         -> {}
    {"op": "kill", "exec": EXEC | null, "signal": N}                       -> {}
    {"op": "status"}                                                       -> `Status`
    {"op": "reopen-log"}                                                   -> {}

Every control connection also receives events as they happen:

    {"event": "exit", "code": N, "oom": bool, "at": RFC 3339, "error": str}
    {"event": "exec-exit", "exec": EXEC, "code": N}
    {"event": "oom"}
    {"event": "probe", "exec": EXEC, "args": [str]}     a health check's command starts
    {"event": "probe-exit", "exec": EXEC, "code": N}
    {"event": "health", "health": HealthState}          after every probe
    {"event": "detach", "exec": EXEC | null}            a client typed its detach keys

Files the shim keeps for whoever comes after a daemon that died, each written beside and renamed:
state.json (`Status`), exit.json (the exit event), execs/<EXEC>.exit ({"code": N}).

Client streams are handed over: the daemon answers the HTTP upgrade, then gives the very socket to the shim,
which frames output itself (Docker's 8-byte stream header, or raw for a terminal). So attach and exec
sessions outlive the daemon. Only a TLS connection is pumped by the daemon, through a socketpair.
"""

from typing import Any, Literal, NotRequired, TypedDict


class Rootfs(TypedDict):
    """The root to mount. `lower` is top-most first; without `upper` the overlay is read-only."""

    type: Literal["overlay", "bind"]
    lower: NotRequired[list[str]]
    upper: NotRequired[str]
    work: NotRequired[str]
    volatile: NotRequired[bool]  # never synced: for a container that is removed when it exits
    source: NotRequired[str]  # for "bind"


class LogConfig(TypedDict):
    """`path` is empty for "none"; `max_file` counts the current file as well, and `compress` is about the
    others.
    """

    driver: Literal["json-file", "local", "none"]
    path: str
    max_size: int  # bytes; 0: never rotated
    max_file: int
    compress: bool
    attrs: NotRequired[dict[str, str]]  # extra "attrs" of a json-file line (labels, env, tag options)


class Healthcheck(TypedDict):
    """Times in nanoseconds, as in Docker's API; defaults already filled in by the engine."""

    args: list[str]
    interval: int
    timeout: int
    start_period: int
    start_interval: int
    retries: int
    process: "dict[str, Any]"  # OCI process to run it as; args replaced by `args`


class Attach(TypedDict):
    """A client connection. `framed` false: raw bytes, as with a terminal."""

    stdin: bool
    stdout: bool
    stderr: bool
    framed: bool
    detach_keys: list[int]  # byte values; empty: detaching is not possible
    leftover: NotRequired[str]  # base64: what the client had sent before the hand-over
    exec: NotRequired[str | None]


class StartRequest(TypedDict):
    """start.json."""

    id: str
    spec: dict[str, Any]  # OCI runtime-spec config.json; root.path is not used, `rootfs` is
    rootfs: Rootfs
    open_stdin: bool
    stdin_once: bool
    init: bool  # PID 1 is our own reaper (--init)
    console_size: tuple[int, int] | None  # height, width
    log: LogConfig
    seccomp: str | None  # base64 of struct sock_filter[]; null: unconfined
    cgroup: "dict[str, Any]"  # what runtime.cgroups.create() takes, see there
    healthcheck: Healthcheck | None
    attach: list[Attach]  # one per "attach:<n>" descriptor
    bound: NotRequired[bool]  # killed when nobody is connected any more: a step of a build


class ExecRequest(TypedDict):
    """execs/<EXEC>.json."""

    id: str
    process: dict[str, Any]  # OCI process: args env cwd user terminal capabilities noNewPrivileges rlimits
    seccomp: str | None
    open_stdin: bool
    attach: Attach | None  # for the descriptor that came along
    console_size: tuple[int, int] | None


class ErrorReply(TypedDict):
    """`kind` is the class name in sampan.errors; `message` is ready for the user."""

    kind: str
    message: str


class HealthLog(TypedDict):
    Start: str
    End: str
    ExitCode: int
    Output: str


class HealthState(TypedDict):
    Status: Literal["starting", "healthy", "unhealthy"]
    FailingStreak: int
    Log: list[HealthLog]  # the last five


class Status(TypedDict):
    """state.json and the reply to "status"."""

    id: str
    shim_pid: int
    pid: int
    pid_start: int  # field 22 of /proc/<pid>/stat: tells a reused pid
    started_at: str
    cgroup: str
    health: HealthState | None
    execs: dict[str, int]  # running ones: id -> pid
