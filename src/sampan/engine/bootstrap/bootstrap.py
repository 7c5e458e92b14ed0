"""`sampan image bootstrap NAME`: choose, fetch, build, tag."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from sampan.engine.bootstrap import busybox, root
from sampan.engine.bootstrap.apt import Apt, Source
from sampan.engine.bootstrap.distribution import (
    DEBIAN,
    DISTRIBUTIONS,
    UBUNTU,
    Distribution,
    Host,
    read_host,
    sources,
    suite_of,
)
from sampan.engine.bootstrap.names import DESCRIPTION
from sampan.engine.images import Image, Images, Import
from sampan.errors import Failed, Invalid, Unsupported
from sampan.images.deb import data_tar
from sampan.images.tarread import REGULAR, TarReader
from sampan.specs.golang import time as times
from sampan.specs.oci import reference as references
from sampan.specs.oci.reference import Reference

Say = Callable[[str], Awaitable[None]]
PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


async def bootstrap(images: Images, name: str, say: Say, mirror: str = "") -> Image:
    """Build the base image `name` from its distribution's package archive, and tag it.

    `mirror` is the archive's URL; without it the host's own apt sources say where it is. Raises Invalid for
    a name it does not know or when no mirror is known, Unsupported when a program is missing, Unavailable
    when the archive does not answer or is not signed as it should be. Then nothing is left behind.
    """
    repository, _, tag = name.partition(":")
    if repository == "busybox":
        if tag not in ("", "latest"):
            raise Invalid(f"cannot bootstrap {name}: there is only busybox:latest")
        async with workspace(images.paths.tmp) as directory:
            return await _busybox(images, directory, say, mirror)
    distribution = DISTRIBUTIONS.get(repository)
    if distribution is None:
        raise Invalid(f"cannot bootstrap {name!r}: only {DESCRIPTION}")
    suite = suite_of(distribution, distribution.default_suite if tag in ("", "latest") else tag)
    async with workspace(images.paths.tmp) as directory:
        return await _distribution(
            images, distribution, suite, _tags(distribution, suite, tag), directory, say, mirror
        )


@asynccontextmanager
async def workspace(tmp: Path) -> AsyncIterator[Path]:
    """A private directory that is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="bootstrap-", dir=tmp))
    try:
        yield directory
    finally:
        await asyncio.to_thread(shutil.rmtree, directory, True)


async def _busybox(images: Images, directory: Path, say: Say, mirror: str) -> Image:
    host = await asyncio.to_thread(read_host)
    distribution, suite = _nearest(host)
    source = sources(distribution, suite, host, mirror)[0]
    await say(f"Fetching busybox-static from {source.mirror} ({source.suite})")
    apt = Apt(directory / "apt", source)
    await apt.update()
    download = await apt.download("busybox-static")
    binary = await asyncio.to_thread(busybox.program, download.package)
    names = await busybox.applets(binary, directory)
    await say(f"Building from busybox-static {download.version}: {len(names)} commands")
    how = Import(
        changes=[PATH, 'CMD ["sh"]'],
        message=f"busybox-static {download.version}, {distribution.name} {suite}",
        created=times.rfc3339(download.released * 1_000_000_000),
        version="",
    )
    image = await images.import_(busybox.image_tar(binary, names, download.released), how)
    return await _tag(images, image, [references.parse("busybox").with_default_tag()], say)


def _nearest(host: Host) -> tuple[Distribution, str]:
    """The host's own archive if it has one we know, else Debian's."""
    distribution = DISTRIBUTIONS.get(host.id)
    if distribution is None or not host.codename:
        return DEBIAN, DEBIAN.default_suite
    return distribution, host.codename


async def _distribution(
    images: Images,
    distribution: Distribution,
    suite: str,
    tags: list[Reference],
    directory: Path,
    say: Say,
    mirror: str,
) -> Image:
    host = await asyncio.to_thread(read_host)
    found = sources(distribution, suite, host, mirror)
    if not found[0].keyring.exists():
        found = await _fetch_keyring(distribution, found, host, directory, say)
    await say(f"Reading {found[0].mirror} ({', '.join(source.suite for source in found)})")
    apt = Apt(directory / "apt", *found)
    await apt.update()
    released = apt.released()
    builder = await root.choose(directory, host)
    how = Import(
        changes=[PATH, 'CMD ["bash"]' if distribution is DEBIAN else 'CMD ["/bin/bash"]'],
        message=f"{distribution.name} {suite}, minbase",
        created=times.rfc3339(released * 1_000_000_000),
        version="",
    )
    await say(f"Building {distribution.name} {suite} with {builder.name}")
    async with builder.build(directory, suite, found, released) as tar:
        image = await images.import_(tar, how)
    return await _tag(images, image, tags, say)


async def _fetch_keyring(
    distribution: Distribution, found: list[Source], host: Host, directory: Path, say: Say
) -> list[Source]:
    """The keys of a foreign distribution, from a package of one whose signature this host can check."""
    other = UBUNTU if distribution is DEBIAN else DEBIAN
    own = host.id == other.name and host.codename != ""
    # Debian 12 was released without Ubuntu's keys; its keyring knows Debian 13's archive, which has them.
    suite = "trixie" if other is DEBIAN else host.codename if own else other.default_suite
    source = sources(other, suite, host)[0]
    if not source.keyring.exists():
        raise Unsupported(
            f"the keys of {distribution.name}'s archive are not installed",
            hint=f"install the package {distribution.keyring_package}",
        )
    await say(f"Fetching {distribution.keyring_package} from {source.mirror} ({source.suite})")
    apt = Apt(directory / "keys", source)
    await apt.update()
    package = (await apt.download(distribution.keyring_package)).package
    target = directory / distribution.keyring

    def extract() -> None:
        reader = TarReader(data_tar(package))
        for entry in reader:
            if entry.type == REGULAR and entry.name.endswith(b"/" + distribution.keyring.encode()):
                target.write_bytes(b"".join(reader.data()))
        if not target.exists():
            raise Failed(f"{distribution.keyring_package} has no {distribution.keyring}")

    await asyncio.to_thread(extract)
    return [replace(item, keyring=target) for item in found]


def _tags(distribution: Distribution, suite: str, asked: str) -> list[Reference]:
    names = {suite, asked or "latest"}
    if suite == distribution.default_suite:
        names |= {"latest"}
    return [references.parse(distribution.name).with_tag(name) for name in sorted(names)]


async def _tag(images: Images, image: Image, tags: list[Reference], say: Say) -> Image:
    for reference in tags:
        images.tag(image, reference)
        await say(f"Tagged {reference.familiar}")
    await say(f"Digest: {image.id}")
    return images.get(image.id)
