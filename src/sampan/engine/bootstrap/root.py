"""Build a distribution's minimal root with mmdebstrap(1), or debootstrap(8).

Both mount /proc and /dev in what they build. They run in mount and PID namespaces of their own, by
unshare(1), which every Debian has: nothing is mounted on the host, and ending the first process ends them
all.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sampan.engine.bootstrap.apt import Apt, Source, complaint, end, run, spawn
from sampan.engine.bootstrap.distribution import DISTRIBUTIONS, Host, debian_architecture, sources
from sampan.errors import SampanError, Unavailable, Unsupported
from sampan.images.deb import data_tar
from sampan.images.pack import diff_tar
from sampan.images.unpack import unpack

ISOLATED = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
# Left by package scripts, different every time, of no use in an image. Paths may end in a pattern.
LEFTOVERS = (
    "var/log/*.log",
    "var/log/apt/*",
    "var/cache/apt/*",
    "var/cache/ldconfig/aux-cache",
    "var/cache/debconf/*-old",
    "var/lib/apt/lists/*",
    "var/lib/dpkg/*-old",
    "etc/*-",
    "etc/hostname",
    "etc/resolv.conf",
    "debootstrap",
    "dev/*",
    "run/*",
    "tmp/*",
)


@dataclass(frozen=True)
class Mmdebstrap:
    program: tuple[str, ...] = ("mmdebstrap",)
    name: str = "mmdebstrap"

    @asynccontextmanager
    async def build(
        self, directory: Path, suite: str, found: list[Source], released: int
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The root as a tar stream, which raises Unavailable at its end if the program failed."""
        log = directory / "build.log"
        command = [
            *ISOLATED,
            *self.program,
            "--mode=root",
            "--variant=minbase",
            "--include=apt",  # of priority "important" only in Ubuntu
            "--format=tar",
            "--skip=output/dev,check/qemu",
            f"--architectures={debian_architecture()}",
            f"--keyring={found[0].keyring}",
            '--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1/var/cache/ldconfig/aux-cache"',
            suite,
            "-",
            *(f"deb {source.mirror} {source.suite} {source.components}" for source in found),
        ]
        with log.open("wb") as errors:
            extra = {"SOURCE_DATE_EPOCH": str(released), "TMPDIR": str(directory)}
            process = await spawn(command, directory, extra, errors)
        try:
            yield _stream(process, log)
        finally:
            await end(process)


async def _stream(process: asyncio.subprocess.Process, log: Path) -> AsyncIterator[bytes]:
    assert process.stdout is not None
    while data := await process.stdout.read(1 << 20):
        yield data
    if await process.wait() != 0:
        text = await asyncio.to_thread(log.read_text, errors="replace")
        raise Unavailable(f"mmdebstrap failed: {complaint(text)}")


@dataclass(frozen=True)
class Debootstrap:
    name: str = "debootstrap"

    @asynccontextmanager
    async def build(
        self, directory: Path, suite: str, found: list[Source], released: int
    ) -> AsyncIterator[Iterable[bytes]]:
        """The root as a tar. Without the updates' suites: debootstrap reads one suite only."""
        target = directory / "root"
        command = [
            *ISOLATED,
            "debootstrap",
            "--variant=minbase",
            f"--arch={debian_architecture()}",
            f"--keyring={found[0].keyring}",
            f"--components={','.join(found[0].components.split())}",
            suite,
            str(target),
            found[0].mirror,
        ]
        await run(command, directory, {"SOURCE_DATE_EPOCH": str(released)})
        await asyncio.to_thread(_tidy, target, found)
        yield diff_tar(str(target), clamp=released)


def _tidy(target: Path, found: list[Source]) -> None:
    for pattern in LEFTOVERS:
        for path in target.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    lines = [f"deb {source.mirror} {source.suite} {source.components}\n" for source in found]
    (target / "etc/apt/sources.list").write_text("".join(lines))
    (target / "etc/machine-id").write_text("")


async def choose(directory: Path, host: Host) -> Mmdebstrap | Debootstrap:
    """What this machine can build with. Raises Unsupported naming the package to install."""
    missing = Unsupported(
        "neither mmdebstrap nor debootstrap is installed", hint="apt-get install mmdebstrap, and try again"
    )
    if shutil.which("apt-get") is None or shutil.which("unshare") is None:
        raise missing
    if shutil.which("mmdebstrap"):
        return Mmdebstrap()
    if shutil.which("debootstrap"):
        return Debootstrap()
    try:
        return await _fetched(directory, host)
    except SampanError as error:
        raise missing from error


async def _fetched(directory: Path, host: Host) -> Mmdebstrap:
    """mmdebstrap is one Perl program: it runs from a private directory as well as from /usr/bin."""
    await run(["perl", "-e", 'require "syscall.ph"; use Math::BigInt; use Pod::Usage;'], directory)
    distribution = DISTRIBUTIONS.get(host.id)
    if distribution is None:
        raise Unsupported(f"{host.id} has no mmdebstrap package we can verify")
    apt = Apt(directory / "builder", sources(distribution, host.codename, host)[0])
    await apt.update()
    package = (await apt.download("mmdebstrap")).package
    target = directory / "mmdebstrap"
    await asyncio.to_thread(target.mkdir)
    await asyncio.to_thread(unpack, data_tar(package), str(target))
    return Mmdebstrap(("perl", str(target / "usr/bin/mmdebstrap")))
