"""Image names: short and full forms. Source: distribution/reference."""

from __future__ import annotations

from sampan.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session

DEFAULT_DOMAIN = "docker.io"
_OLD_DOMAIN = "index.docker.io"


def split(name: str) -> tuple[str, str, str]:
    """(repository as typed, tag, digest) of REPOSITORY[:TAG][@DIGEST]."""
    rest, _, digest = name.partition("@")
    slash = rest.rfind("/")
    colon = rest.find(":", slash + 1)
    if colon < 0:
        return rest, "", digest
    return rest[:colon], rest[colon + 1 :], digest


def familiar(name: str) -> str:
    """The shortest form of a name, with its tag: "busybox" becomes "busybox:latest"."""
    repository, tag, digest = split(name)
    repository = short_repository(repository)
    if not tag and not digest:
        tag = "latest"
    return repository + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


def short_repository(repository: str) -> str:
    return (
        repository.removeprefix(f"{DEFAULT_DOMAIN}/").removeprefix("library/")
        if _is_hub(repository)
        else repository
    )


def _is_hub(repository: str) -> bool:
    return repository.startswith(f"{DEFAULT_DOMAIN}/") or repository.startswith("library/")


def full_repository(repository: str) -> str:
    """With its registry: "busybox" becomes "docker.io/library/busybox"."""
    first, slash, rest = repository.partition("/")
    if slash and first in (DEFAULT_DOMAIN, _OLD_DOMAIN):
        return f"{DEFAULT_DOMAIN}/{rest}" if "/" in rest else f"{DEFAULT_DOMAIN}/library/{rest}"
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return repository
    if not slash:
        return f"{DEFAULT_DOMAIN}/library/{repository}"
    return f"{DEFAULT_DOMAIN}/{repository}"


def domain(repository: str) -> str:
    return full_repository(repository).partition("/")[0]


_ID_LENGTH = 64
_HEX = frozenset("0123456789abcdef")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_REFERENCE = (
    rf"{_DOMAIN}/{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::(\w[\w.-]{0,127}))?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?"
)


def require_no_trust(session: Session, options: Options) -> None:
    """Raises CliError where signatures are asked for: nothing here can check them."""
    from sampan.specs.golang.numbers import TRUE

    flag = "disable-content-trust"
    if not options[flag]:
        raise CliError("content trust is not supported: leave out --disable-content-trust=false")
    asked = session.environ.get("DOCKER_CONTENT_TRUST", "")
    if flag not in options.changed and asked in TRUE:
        raise CliError("content trust is not supported: unset DOCKER_CONTENT_TRUST")


def check_image(name: str) -> None:
    """As `check`, but the whole ID of an image will do, too."""
    if len(name) != _ID_LENGTH or not _HEX.issuperset(name):
        check(name)


def check(name: str) -> None:
    """Raises CliError, as Docker's client words it, for what cannot name an image."""
    if len(name) < _ID_LENGTH and _is_plain(name):
        return  # most names: re costs 4 ms to import
    import re

    if re.fullmatch(r"[a-f0-9]{64}", name):
        raise CliError(f"invalid repository name ({name}), cannot specify 64-byte hexadecimal strings")
    full = full_repository(name)
    remote = full.partition("/")[2].partition("@")[0].partition(":")[0]
    if remote.lower() != remote:
        raise CliError(f"invalid reference format: repository name ({remote}) must be lowercase")
    if not re.fullmatch(_REFERENCE, full, re.ASCII):
        raise CliError("invalid reference format")
    _check_digest(name.partition("@")[2])


def _is_plain(name: str) -> bool:
    """Lower-case letters, digits and at most one tag."""
    repository, colon, tag = name.partition(":")
    parts = [*repository.split("/"), tag] if colon else repository.split("/")
    return name.isascii() and all(part.isalnum() and part == part.lower() for part in parts)


def _check_digest(digest: str) -> None:
    if not digest:
        return
    algorithm, _, value = digest.partition(":")
    length = {"sha256": 64, "sha384": 96, "sha512": 128}.get(algorithm)
    if length is None:
        raise CliError("unsupported digest algorithm")
    if len(value) != length:
        raise CliError("invalid checksum digest length")
    if not _HEX.issuperset(value):
        raise CliError("invalid checksum digest format")
