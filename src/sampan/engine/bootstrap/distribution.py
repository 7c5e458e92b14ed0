"""Where a distribution's packages come from: the host's own mirrors if it is one of its kind."""

import re
from dataclasses import dataclass
from pathlib import Path

from sampan.engine.bootstrap.apt import Source
from sampan.errors import Invalid
from sampan.images.config import host_architecture

KEYRINGS = Path("/usr/share/keyrings")


@dataclass(frozen=True)
class Distribution:
    name: str
    default_suite: str
    keyring: str
    keyring_package: str
    aliases: dict[str, str]  # versions, as image tags have them -> suites


DEBIAN = Distribution(
    "debian",
    "bookworm",
    "debian-archive-keyring.gpg",
    "debian-archive-keyring",
    {"11": "bullseye", "12": "bookworm", "13": "trixie"},
)
UBUNTU = Distribution(
    "ubuntu",
    "noble",
    "ubuntu-archive-keyring.gpg",
    "ubuntu-keyring",
    {"20.04": "focal", "22.04": "jammy", "24.04": "noble", "26.04": "resolute"},
)
DISTRIBUTIONS = {item.name: item for item in (DEBIAN, UBUNTU)}


@dataclass(frozen=True)
class Host:
    """What this machine says about itself: /etc/os-release and its apt sources as (URI, suite) pairs."""

    id: str
    codename: str
    sources: tuple[tuple[str, str], ...]


def suite_of(distribution: Distribution, tag: str) -> str:
    """The suite an image's tag stands for. Raises Invalid."""
    suite = distribution.aliases.get(tag, tag)
    if not re.fullmatch(r"[a-z][a-z0-9.-]{0,63}", suite):
        raise Invalid(f"{tag!r} is no suite of {distribution.name}")
    return suite


def sources(distribution: Distribution, suite: str, host: Host) -> list[Source]:
    """The suite, its updates and its security updates; the suite itself first."""
    keyring = KEYRINGS / distribution.keyring
    components = "main" if distribution is DEBIAN else "main universe"
    own = {name: uri for uri, name in reversed(host.sources)} if host.id == distribution.name else {}
    found = [Source(own.get(suite) or _archive(distribution), suite, components, keyring)]
    if suite in ("sid", "unstable", "experimental"):
        return found
    for pocket, default in (
        (f"{suite}-updates", found[0].mirror),
        (f"{suite}-security", _security(distribution)),
    ):
        found.append(Source(own.get(pocket) or default, pocket, components, keyring))
    return found


def _archive(distribution: Distribution) -> str:
    if distribution is DEBIAN:
        return "http://deb.debian.org/debian"
    return "http://archive.ubuntu.com/ubuntu" if _on_main_mirror() else "http://ports.ubuntu.com/ubuntu-ports"


def _security(distribution: Distribution) -> str:
    if distribution is DEBIAN:
        return "http://deb.debian.org/debian-security"
    return (
        "http://security.ubuntu.com/ubuntu" if _on_main_mirror() else "http://ports.ubuntu.com/ubuntu-ports"
    )


def _on_main_mirror() -> bool:
    return host_architecture()[0] in ("amd64", "386")


def debian_architecture() -> str:
    architecture, variant = host_architecture()
    names = {"386": "i386", "arm": "armhf" if variant == "v7" else "armel", "ppc64le": "ppc64el"}
    return names.get(architecture, architecture)


def read_host(root: Path = Path("/")) -> Host:
    """Blocks, for a few small files."""
    release = _os_release(root / "etc/os-release")
    found: list[tuple[str, str]] = []
    directory = root / "etc/apt/sources.list.d"
    files = [
        root / "etc/apt/sources.list",
        *sorted(directory.glob("*.list")),
        *sorted(directory.glob("*.sources")),
    ]
    for path in files:
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        found += parse_deb822(text) if path.suffix == ".sources" else parse_lines(text)
    return Host(release.get("ID", ""), release.get("VERSION_CODENAME", ""), tuple(found))


def _os_release(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def parse_lines(text: str) -> list[tuple[str, str]]:
    """One-line style, `deb [options] uri suite component...`. sources.list(5)."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        words = re.sub(r"\[[^]]*\]", " ", line.partition("#")[0]).split()
        if len(words) >= 4 and words[0] == "deb" and "main" in words[3:] and _usable(words[1]):
            found.append((words[1].rstrip("/"), words[2]))
    return found


def parse_deb822(text: str) -> list[tuple[str, str]]:
    """deb822 style: stanzas of Types, URIs, Suites, Components. sources.list(5)."""
    found: list[tuple[str, str]] = []
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, list[str]] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if not line.startswith((" ", "\t")):
                name, _, line = line.partition(":")
                name = name.strip().lower()
                fields[name] = []
            fields.setdefault(name, []).extend(line.split())
        if fields.get("enabled", ["yes"])[:1] == ["no"] or "deb" not in fields.get("types", []):
            continue
        if "main" in fields.get("components", []):
            uris = [uri for uri in fields.get("uris", []) if _usable(uri)]
            found += [(uri.rstrip("/"), suite) for uri in uris[:1] for suite in fields.get("suites", [])]
    return found


def _usable(uri: str) -> bool:
    # file:, cdrom: and mirror lists are the host's own affair; credentials in a URI must not get into an
    # image.
    return uri.startswith(("http://", "https://")) and "@" not in uri
