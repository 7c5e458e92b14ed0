"""Fetch a package through apt, signatures checked, the host's own apt untouched. apt-get(8), sources.list(5).

apt runs on a state of its own in a private directory; the host's proxy and transport settings still apply.
"""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sampan.errors import Failed, Unavailable, Unsupported

TIMEOUT = 600.0  # seconds without the program ending: then it hangs
ENVIRONMENT = ("PATH", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Source:
    """One suite of one archive. `keyring` is what its Release file must be signed with."""

    mirror: str
    suite: str
    components: str
    keyring: Path

    def line(self) -> str:
        return f"deb [signed-by={self.keyring}] {self.mirror} {self.suite} {self.components}\n"


@dataclass(frozen=True)
class Download:
    package: bytes
    version: str
    released: int  # the Release file's date, seconds since the epoch


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program of the host is started with: nothing of ours but its way to the network."""
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
        **kept,
        **(extra or {}),
    }


async def run(command: Sequence[str], cwd: Path, extra: Mapping[str, str] | None = None) -> str:
    """The program's output. Raises Unavailable with its last lines when it fails."""
    process = await spawn(command, cwd, extra, asyncio.subprocess.STDOUT)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), TIMEOUT)
    except TimeoutError:
        raise Unavailable(f"{command[0]} did not end within {TIMEOUT:.0f} s") from None
    finally:
        await end(process)
    text = output.decode(errors="replace")
    if process.returncode:
        raise Unavailable(f"{command[0]} failed: {complaint(text)}")
    return text


async def spawn(
    command: Sequence[str], cwd: Path, extra: Mapping[str, str] | None, stderr: int | IO[bytes]
) -> asyncio.subprocess.Process:
    """Start a program in a session of its own, its output on a pipe. Cancelled, it leaves none running."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *command,
            cwd=cwd,
            env=environment(extra),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
            limit=4 << 20,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await end(await starting)
        raise


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill the program's whole session if it still runs."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, 9)
        except ProcessLookupError:
            pass
        await process.wait()


def complaint(text: str) -> str:
    """What matters of a failed program's output: its errors, or else its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E:", "Err:", "W: Failed", "W: GPG"))]
    return "; ".join(errors[:4] or lines[-1:]) or "no output"


class Apt:
    """apt with its own lists, cache and sources below `directory`, which the caller removes."""

    def __init__(self, directory: Path, *sources: Source) -> None:
        if shutil.which("apt-get") is None:
            raise Unsupported(
                "apt-get is not installed: it fetches packages and checks their signatures",
                hint="bootstrap on a Debian or Ubuntu machine, or install the package apt",
            )
        for source in sources:
            if not source.keyring.exists():
                raise Unsupported(
                    f"{source.keyring} does not exist: nothing from {source.mirror} could be verified",
                    hint=f"install the package {keyring_package(source.keyring)}",
                )
        self._directory = directory
        for name in ("lists/partial", "archives/partial", "out"):
            (directory / name).mkdir(parents=True)
        (directory / "status").touch()
        (directory / "sources.list").write_text("".join(source.line() for source in sources))
        options = {
            "Dir::State": directory,
            "Dir::State::lists": directory / "lists",
            "Dir::State::status": directory / "status",
            "Dir::Cache": directory,
            "Dir::Cache::archives": directory / "archives",
            "Dir::Etc::SourceList": directory / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::Preferences": "/dev/null",
            "Dir::Etc::PreferencesParts": "/dev/null",
            "Acquire::Languages": "none",
            "Acquire::Retries": "1",
            "Acquire::http::Timeout": "20",
            "Acquire::https::Timeout": "20",
            # The private directory is root's own; _apt could not write there.
            "APT::Sandbox::User": "root",
            "APT::Get::AllowUnauthenticated": "false",
            "Acquire::AllowInsecureRepositories": "false",
            "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        }
        self._options = [f"-o{name}={value}" for name, value in options.items()]

    async def update(self) -> None:
        """Fetch and verify the archive's lists. Raises Unavailable."""
        # Without Error-Mode apt-get update only warns, and ends with 0, when it could not reach an archive.
        await run(
            ["apt-get", *self._options, "-oAPT::Update::Error-Mode=any", "-q", "update"], self._directory
        )

    async def download(self, package: str) -> Download:
        """Raises Unavailable when the archive does not have it or does not answer."""
        out = self._directory / "out"
        await run(["apt-get", *self._options, "-q", "download", package], out)
        found = list(out.glob(f"{package}_*.deb"))
        if len(found) != 1:
            raise Failed(f"apt-get download {package} left {len(found)} packages")
        version = found[0].name.split("_")[1].replace("%3a", ":")
        return Download(found[0].read_bytes(), version, self.released())

    def released(self) -> int:
        """The date the archive's state was signed with, in seconds; the latest of several."""
        from email.utils import parsedate_to_datetime

        dates = [
            int(parsedate_to_datetime(line[5:].strip()).timestamp())
            for release in (self._directory / "lists").glob("*Release")
            for line in release.read_text(errors="replace").splitlines()
            if line.startswith("Date:")
        ]
        if not dates:
            raise Failed("the archive's Release file has no date")
        return max(dates)


def keyring_package(keyring: Path) -> str:
    return "ubuntu-keyring" if "ubuntu" in keyring.name else "debian-archive-keyring"
