"""Where a distribution's packages come from: the host's own mirrors if it is one of its kind."""

import re
from dataclasses import dataclass
from pathlib import Path

from sampan.engine.bootstrap.apt import Source
from sampan.errors import Invalid
from sampan.specs.oci.platform import machine

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


def sources(distribution: Distribution, suite: str, host: Host, mirror: str = "") -> list[Source]:
    """The suite, its updates and its security updates; the suite itself first.

    From `mirror` if one is given, else from the host's own mirrors. Raises Invalid when neither is there.
    """
    keyring = KEYRINGS / distribution.keyring
    components = "main" if distribution is DEBIAN else "main universe"
    own = _own_mirrors(distribution, host) if not mirror else {}
    base = check_mirror(mirror) if mirror else own.get(suite) or own.get("")
    if not base:
        raise Invalid(
            f"this host knows no mirror of {distribution.name}",
            hint=f"name one: sampan image bootstrap --mirror URL {distribution.name}:{suite}",
        )
    found = [Source(base, suite, components, keyring)]
    if suite in ("sid", "unstable", "experimental"):
        return found
    # Debian's security updates are an archive of their own beside the main one, Ubuntu's a suite of the same.
    security = own.get("-security") or (f"{base}-security" if distribution is DEBIAN else base)
    for pocket, default in ((f"{suite}-updates", base), (f"{suite}-security", security)):
        found.append(Source(own.get(pocket) or default, pocket, components, keyring))
    return found


def _own_mirrors(distribution: Distribution, host: Host) -> dict[str, str]:
    """Suite -> URI; "" and "-security" stand for any other suite. The first one named wins."""
    if host.id != distribution.name:
        return {}
    found: dict[str, str] = {}
    for uri, suite in host.sources:
        found.setdefault(suite, uri)
        found.setdefault("-security" if suite.endswith("-security") else "", uri)
    return found


def check_mirror(mirror: str) -> str:
    """The mirror without its last slash. Raises Invalid for what apt could misread."""
    if not re.fullmatch(r"https?://[A-Za-z0-9._~:/%@+-]{1,1000}", mirror):
        raise Invalid(f"{mirror!r} is no http or https URL of a package mirror")
    return mirror.rstrip("/")


def debian_architecture() -> str:
    architecture, variant = machine()
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
