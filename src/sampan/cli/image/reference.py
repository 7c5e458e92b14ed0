"""Image names: short and full forms. Source: distribution/reference."""

from __future__ import annotations

DEFAULT_DOMAIN = "docker.io"


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
    first, slash, _ = repository.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return repository
    if not slash:
        return f"{DEFAULT_DOMAIN}/library/{repository}"
    return f"{DEFAULT_DOMAIN}/{repository}"


def domain(repository: str) -> str:
    return full_repository(repository).partition("/")[0]
