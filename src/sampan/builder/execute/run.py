"""RUN: a process under a shim of its own, like a container's, but without a record, events or a log.

Its root is an overlay of the snapshot's layers and an upper directory, which afterwards is the new layer.
"""

import asyncio
import base64
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, cast

from sampan.builder.execute import layers, stubs
from sampan.builder.execute.cachemounts import CacheMounts
from sampan.builder.execute.output import Output, Reader
from sampan.builder.execute.runmounts import Made, RunMounts
from sampan.builder.execute.stepnetworks import StepNetworks
from sampan.builder.execute.workspace import Workspace
from sampan.builder.plan.graph import Run
from sampan.builder.trees import Snapshot
from sampan.engine import trash
from sampan.engine.containers.settings import Settings
from sampan.engine.containers.shims import Shims
from sampan.engine.images.store import ImageStore
from sampan.engine.networks.sandboxes import StepNetwork
from sampan.engine.ocispec.build import Built, SpecInputs
from sampan.engine.ocispec.build import build as build_spec
from sampan.engine.ocispec.host import Host
from sampan.errors import Denied, Failed, SampanError
from sampan.images.pack import Packer
from sampan.paths import ContainerPaths, Paths
from sampan.runtime.protocol import Attach, StartRequest
from sampan.specs.golang.quote import quote
from sampan.specs.oci.platform import machine
from sampan.specs.oci.runtime import Mount
from sampan.storage.stack import unique

HOSTNAME = "buildkitsandbox"
SSH_AUTH_SOCK = "SSH_AUTH_SOCK"
_STARTING = "unable to start container process: "
_READ_ONLY = ["rbind", "ro", "nosuid", "nodev", "noexec"]


class RunFailed(Failed):
    """A program that ended badly. `message` is BuildKit's: process "/bin/sh -c false" did not complete ...

    `snapshot`: the file system as it left it, whose last layer is in the staging; None when it never ran.
    """

    def __init__(
        self, message: str, *, exit_code: int | None = None, snapshot: Snapshot | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code
        self.snapshot = snapshot


@dataclass(frozen=True)
class Ended:
    code: int
    oom: bool


class Runner:
    """Runs one build's RUN steps."""

    def __init__(
        self,
        *,
        paths: Paths,
        shims: Shims,
        settings: Settings,
        images: ImageStore,
        workspace: Workspace,
        caches: CacheMounts,
        networks: StepNetworks,
    ) -> None:
        self._paths = paths
        self._shims = shims
        self._settings = settings
        self._images = images
        self._networks = networks
        self._workspace = workspace
        self._caches = caches
        self._numbers = count(1)

    async def run(
        self,
        run: Run,
        base: Snapshot,
        inputs: Mapping[int, Snapshot],
        output: Output,
        *,
        epoch: int | None,
        platform: str,
    ) -> Snapshot:
        """`base` and what the program changed. Raises RunFailed, NotFound, Denied, Invalid, Failed."""
        self._check(run)
        paths = self._paths.build_step(self._workspace.id, next(self._numbers))
        paths.upper.mkdir(parents=True)
        paths.work.mkdir()
        try:
            ended = await self._execute(run, base, inputs, output, paths)
            try:
                snapshot = Snapshot((*base.layers, await self._pack(base, paths, epoch)))
            except Failed:
                if not ended.code:
                    raise
                snapshot = None  # a full disk, for one: why the program failed matters more
        finally:
            trash.discard(self._paths, paths.data)
        if snapshot is None or ended.code:
            raise _failure(run, ended, snapshot, _foreign(platform, self._settings.host))
        return snapshot

    def _check(self, run: Run) -> None:
        # The network of the whole build is the client's own choice.
        host = run.network == "host" and self._workspace.options.network != "host"
        for wanted, name in ((run.insecure, "security.insecure"), (host, "network.host")):
            if wanted and name not in self._workspace.options.entitlements:
                raise Denied(f"{name} is not allowed")

    async def _pack(self, base: Snapshot, paths: ContainerPaths, epoch: int | None) -> str:
        packer = Packer(epoch, self._workspace.stack.merged(base.layers).has)
        chunks = packer.pack(str(paths.upper))
        return await layers.add(self._images, self._workspace, packer, chunks)

    # The process

    async def _execute(
        self,
        run: Run,
        base: Snapshot,
        inputs: Mapping[int, Snapshot],
        output: Output,
        paths: ContainerPaths,
    ) -> Ended:
        lower = self._images.layer_files.lower
        async with AsyncExitStack() as undo:
            mounts = RunMounts(self._workspace, self._caches, lower, inputs, paths.data)
            made = await mounts.make(run.mounts, undo)
            network = await self._open_network(run, undo)
            points, left = self._points(run, base, made, paths)
            lowers = [*(lower(diff_id) for diff_id in unique(base.layers)), *points]
            built = self._spec(run, made, network, paths)
            request = self._request(run, built, lowers, paths)
            reader = Reader(output)
            undo.callback(reader.close)
            request["attach"] = [_attach(run.stdin)]
            if run.stdin is not None:
                reader.end_input()
            try:
                event = await self._exit(paths, request, network, reader, made)
            except SampanError as error:
                raise _never_ran(run, error, output) from error
            finally:
                reader.theirs.close()
            if event["event"] == "gone":
                raise Failed("the step's shim died")
            ended = Ended(event["code"], event["oom"])
            if ended.code == 255 and reader.last == f"exec {run.args[0]}: exec format error\n".encode():
                ended = replace(ended, code=1)  # as BuildKit has it, which runs no container detached
            if left:
                stubs.remove_stubs(paths.upper, left)
            return ended

    async def _open_network(self, run: Run, undo: AsyncExitStack) -> StepNetwork:
        options = self._workspace.options
        named = options.network not in ("", "default", "host", "none")
        mode = run.network if run.network != "default" else (options.network if named else "bridge")
        hostname = run.hostname or HOSTNAME
        network = await self._networks.take(mode, hostname)
        if run.insecure:
            undo.callback(self._networks.close, network)
        else:
            undo.callback(self._networks.give_back, mode, hostname, network)
        return network

    def _points(
        self, run: Run, base: Snapshot, made: Made, paths: ContainerPaths
    ) -> tuple[list[str], list[bytes]]:
        """The lowest layers, with mount points, and the paths that may turn up in the upper all the same."""
        points = [str(self._paths.build_points)]
        targets = [mount["destination"] for mount in made.mounts]
        if targets:
            own = paths.data / "points"
            own.mkdir()
            stubs.make_targets(own, targets, made.files)
            points.insert(0, str(own))
        always = ["/dev", "/proc", "/sys", "/etc/hosts", "/etc/resolv.conf"]
        return points, stubs.missing(self._workspace.stack.merged(base.layers), [*always, *targets])

    def _spec(self, run: Run, made: Made, network: StepNetwork, paths: ContainerPaths) -> Built:
        settings, options = self._settings, self._workspace.options
        host = {
            "ShmSize": settings.config.default_shm_size,
            **{name: value for name, value in options.host_config.items() if value},
            "NetworkMode": "host" if network.netns is None else "none",
            "Privileged": run.insecure,
            "CgroupnsMode": "private" if settings.host.cgroup_version == 2 else "host",
        }
        if options.cgroup_parent:
            host["CgroupParent"] = options.cgroup_parent
        built = build_spec(
            SpecInputs(
                id=paths.id,
                path=run.args[0],
                args=run.args[1:],
                config={
                    "Hostname": run.hostname or HOSTNAME,
                    "WorkingDir": run.cwd,
                    "User": run.user,
                },
                host_config=host,
                host=settings.host,
                defaults=replace(settings.defaults, init=False),
                mounts=[*self._etc(network, paths), *made.mounts],
            )
        )
        built.spec["process"]["env"] = _environment(run, made)
        return built

    def _etc(self, network: StepNetwork, paths: ContainerPaths) -> list[Mount]:
        texts = {
            "/etc/hosts": (paths.hosts, network.files.hosts),
            "/etc/resolv.conf": (paths.resolv_conf, network.files.resolv_conf),
        }
        found: list[Mount] = []
        for target, (path, text) in texts.items():
            path.write_text(text)
            found.append(
                {"destination": target, "type": "bind", "source": str(path), "options": list(_READ_ONLY)}
            )
        return found

    def _request(self, run: Run, built: Built, lowers: list[str], paths: ContainerPaths) -> StartRequest:
        seccomp = None if built.seccomp is None else base64.b64encode(built.seccomp).decode()
        return {
            "id": paths.id,
            "spec": cast(dict[str, Any], built.spec),
            "rootfs": {
                "type": "overlay",
                "lower": lowers,
                "upper": str(paths.upper),
                "work": str(paths.work),
                "volatile": True,
            },
            "open_stdin": run.stdin is not None,
            "stdin_once": True,
            "init": False,
            "console_size": None,
            "log": {"driver": "none", "path": "", "max_size": 0, "max_file": 0, "compress": False},
            "seccomp": seccomp,
            "cgroup": built.cgroup,
            "healthcheck": None,
            "attach": [],
            "bound": True,
        }

    async def _exit(
        self,
        paths: ContainerPaths,
        request: StartRequest,
        network: StepNetwork,
        reader: Reader,
        made: Made,
    ) -> dict[str, Any]:
        """The shim's last word, once all that the program wrote is here. Raises SampanError: it never ran."""
        given = {
            position: made.filesystems[mount["destination"]]
            for position, mount in enumerate(request["spec"]["mounts"])
            if mount["destination"] in made.filesystems
        }
        attach = [reader.theirs.fileno()]
        async with self._shims.running(
            paths, request, netns=network.netns, attach=attach, mounts=given
        ) as program:
            reader.theirs.close()
            event = await program.wait()
            await asyncio.shield(reader.done)
            return event


def _attach(stdin: bytes | None) -> Attach:
    attach: Attach = {
        "stdin": stdin is not None,
        "stdout": True,
        "stderr": True,
        "framed": True,
        "detach_keys": [],
    }
    if stdin:
        attach["leftover"] = base64.b64encode(stdin).decode()
    return attach


def _environment(run: Run, made: Made) -> list[str]:
    env = [*run.proxy, *run.env, *made.env]
    agents = [mount.target for mount in run.mounts if mount.type == "ssh"]
    if agents and not any(entry.startswith(SSH_AUTH_SOCK + "=") for entry in env):
        env.append(f"{SSH_AUTH_SOCK}={agents[0]}")
    return env


def _foreign(platform: str, host: Host) -> str:
    own = f"linux/{machine(host.machine)[0]}"
    if platform and not platform.startswith(own):
        return f"this machine is {own}, the step is for {platform}, whose programs need an emulator"
    return ""


def _words(run: Run) -> str:
    return f"process {quote(' '.join(run.args))} did not complete successfully"


def _failure(run: Run, ended: Ended, snapshot: Snapshot | None, hint: str) -> RunFailed:
    why = "cannot allocate memory" if ended.oom and ended.code == 137 else f"exit code: {ended.code}"
    return RunFailed(f"{_words(run)}: {why}", exit_code=ended.code, snapshot=snapshot, hint=hint)


def _never_ran(run: Run, error: SampanError, output: Output) -> SampanError:
    """As BuildKit: what the runtime says is the step's output, and its exit code is 1."""
    _, found, text = error.message.partition(_STARTING)
    if not found:
        return RunFailed(f"{_words(run)}: {error.message}")
    text = text.partition(": unknown")[0]
    output(2, f"runc run failed: {_STARTING}{text}\n".encode("utf-8", "surrogateescape"))
    return RunFailed(f"{_words(run)}: exit code: 1", exit_code=1)
