"""OCI image-spec v1.1 documents with Docker's fields. Plain dicts at run time: unknown fields survive."""

from typing import Any, Literal, NotRequired, TypedDict

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = LAYER + "+gzip"
LAYER_ZSTD = LAYER + "+zstd"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"


class DescriptorPlatform(TypedDict):
    architecture: str
    os: str
    variant: NotRequired[str]


class Descriptor(TypedDict):
    mediaType: str
    digest: str
    size: int
    annotations: NotRequired[dict[str, str]]
    platform: NotRequired[DescriptorPlatform]


class Manifest(TypedDict):
    schemaVersion: Literal[2]
    mediaType: NotRequired[str]
    config: Descriptor
    layers: list[Descriptor]


class Index(TypedDict):
    schemaVersion: Literal[2]
    mediaType: NotRequired[str]
    manifests: list[Descriptor]


class Healthcheck(TypedDict):
    """Docker's; durations in nanoseconds."""

    Test: NotRequired[list[str]]
    Interval: NotRequired[int]
    Timeout: NotRequired[int]
    StartPeriod: NotRequired[int]
    StartInterval: NotRequired[int]
    Retries: NotRequired[int]


class ContainerConfig(TypedDict):
    """Docker's container.Config, `config` of the OCI image configuration: what an image says about running
    it.
    """

    Hostname: str
    Domainname: str
    User: str
    AttachStdin: bool
    AttachStdout: bool
    AttachStderr: bool
    ExposedPorts: NotRequired[dict[str, dict[str, Any]]]
    Tty: bool
    OpenStdin: bool
    StdinOnce: bool
    Env: list[str] | None
    Cmd: list[str] | None
    Healthcheck: NotRequired[Healthcheck]
    Image: str
    Volumes: dict[str, dict[str, Any]] | None
    WorkingDir: str
    Entrypoint: list[str] | None
    OnBuild: list[str] | None
    Labels: dict[str, str] | None
    StopSignal: NotRequired[str]
    Shell: NotRequired[list[str]]


class History(TypedDict):
    """An entry of `history` in OCI image-spec config.md, oldest first; one with `empty_layer` has no diff ID
    in `rootfs`.
    """

    created: NotRequired[str]
    author: NotRequired[str]
    created_by: NotRequired[str]
    comment: NotRequired[str]
    empty_layer: NotRequired[bool]


class RootFS(TypedDict):
    type: Literal["layers"]
    diff_ids: list[str]


class ImageConfig(TypedDict):
    """The document whose digest is the image's ID."""

    architecture: str
    os: str
    config: ContainerConfig
    created: NotRequired[str]
    author: NotRequired[str]
    comment: NotRequired[str]
    docker_version: NotRequired[str]
    history: NotRequired[list[History]]
    rootfs: RootFS
