"""What a client asks of a build, in one form for all the ways of asking. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

OutputType = Literal["image", "docker", "oci", "local", "tar", "registry", "cacheonly"]


@dataclass(frozen=True, kw_only=True)
class Output:
    """One `--output`. `attrs` as buildx spells them (name, push, dest, compression, annotation.*, ...)."""

    type: OutputType
    attrs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CacheOption:
    """One `--cache-from` or `--cache-to`: type inline, registry or local; attrs ref, src, dest, mode, ...

    Of a classic client: type image, attrs ref.
    """

    type: str
    attrs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """Everything but the files. Names follow `docker buildx build`."""

    # "local:NAME" is a directory the requester has (requester.directory(NAME)), "upload:ID" a stream it has;
    # anything else is a git or http URL.
    context: str = "local:context"
    dockerfile_source: str = "local:dockerfile"
    dockerfile: str = "Dockerfile"  # a path in it
    subdir: str = ""
    archive_owners: bool = True  # files of a context that is an archive belong to whom it says; else to root
    # Dockerfile and .dockerignore are not there for COPY when the context's .dockerignore names them: classic
    # clients leave out what it names themselves, but never these two.
    hides_dockerfile: bool = False
    target: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()  # as asked; (): this machine's
    # name -> "docker-image://REF", "oci-layout://...", "local:NAME", a git or http URL, "input:ID" (a result)
    contexts: Mapping[str, str] = field(default_factory=dict)
    no_cache: bool = False
    no_cache_filter: tuple[str, ...] = ()  # names of stages
    pull: bool = False
    cache_from: tuple[CacheOption, ...] = ()
    cache_to: tuple[CacheOption, ...] = ()
    outputs: tuple[Output, ...] = (Output(type="image"),)
    squash: bool = False
    network: str = ""  # "", "default", "host", "none", or a network's name
    extra_hosts: tuple[str, ...] = ()  # "name:ip", or "name=ip"
    # HostConfig's own keys, for every RUN: Memory, MemorySwap, CpuShares, CpusetCpus, ShmSize, Ulimits, ...
    host_config: Mapping[str, Any] = field(default_factory=dict)
    cgroup_parent: str = ""
    entitlements: frozenset[str] = frozenset()  # network.host, security.insecure
    source_date_epoch: int | None = (
        None  # else the build argument SOURCE_DATE_EPOCH, else see docs/building.md
    )
    explain: bool = False
    call: Literal["build", "check", "outline", "targets"] = "build"
