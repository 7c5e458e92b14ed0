"""What a client asks of the frontend dockerfile.v0, as BuildOptions. Pure.

The attributes' names: moby/buildkit frontend/dockerui/config.go and frontend/dockerfile/docs; docker/buildx
build/opt.go sets them.
"""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from sampan.builder.options import BuildOptions, CacheOption, Output, OutputType
from sampan.errors import Invalid, Unsupported
from sampan.specs.docker import ulimits

DOCKERFILE = "dockerfile.v0"
GATEWAY = "gateway.v0"
# Images of the frontend that is built in here: they are not run, whatever their version.
FRONTEND_IMAGES = re.compile(r"(docker\.io/)?docker/dockerfile(-upstream)?([:@].*)?$")
CAPABILITIES = frozenset(
    f"moby.buildkit.frontend.{name}" for name in ("inputs", "subrequests", "contexts", "gitquerystring")
)
CALLS: Mapping[str, Literal["check", "outline", "targets"]] = {
    "frontend.lint": "check",
    "frontend.outline": "outline",
    "frontend.targets": "targets",
}
DESCRIBE = "frontend.subrequests.describe"
OUTPUTS: Mapping[str, OutputType] = {
    "moby": "image",
    "image": "image",
    "docker": "docker",
    "oci": "oci",
    "local": "local",
    "tar": "tar",
}
UPLOAD_HOST = "buildkit-session"  # http://buildkit-session/ID: a stream that the session has
GIT = re.compile(r"(git://|git@|ssh://|github\.com/|[\w.-]+@[\w.-]+:)")


class UnsupportedRequest(Unsupported):
    """A subrequest, or a capability, that this frontend does not know; clients try something else then."""

    def __init__(self, message: str, *, type_url: str, name: str) -> None:
        super().__init__(message)
        self.type_url = type_url
        self.name = name


@dataclass(frozen=True, kw_only=True)
class Request:
    """A solve, however it came: Control.Solve with a frontend, or LLBBridge.Solve inside of one without.

    `inputs`: each of FrontendInputs as a named context's value, "input:ID" or a source's URL.
    """

    frontend: str
    attrs: Mapping[str, str]
    inputs: Mapping[str, str] = field(default_factory=dict)
    exporters: Sequence[tuple[str, Mapping[str, str]]] = ()
    cache_imports: Sequence[tuple[str, Mapping[str, str]]] = ()
    cache_exports: Sequence[tuple[str, Mapping[str, str]]] = ()
    entitlements: Sequence[str] = ()


def check_frontend(request: Request) -> None:
    """Raises Unsupported for another frontend than Docker's for Dockerfiles, and for what it cannot do."""
    source = request.attrs.get("source", "")
    if request.frontend == GATEWAY:
        if not FRONTEND_IMAGES.match(source):
            raise Unsupported(
                f"frontend image {source or '(none)'} is not supported: only Dockerfiles are built"
            )
    elif request.frontend != DOCKERFILE:
        raise Unsupported(f"frontend {request.frontend} is not supported: only {DOCKERFILE} is")
    for name in filter(None, request.attrs.get("frontend.caps", "").split(",")):
        if name.removesuffix("+forward") not in CAPABILITIES:
            raise UnsupportedRequest(
                f"unsupported frontend capability {name}", type_url="errdefs.FrontendCap", name=name
            )
    attest = next((key for key in request.attrs if key.startswith("attest:")), None)
    if attest is not None:
        raise Unsupported(f"attestations ({attest.removeprefix('attest:')}) are not supported")


def subrequest(attrs: Mapping[str, str]) -> Literal["build", "check", "outline", "targets", "describe"]:
    name = attrs.get("requestid", "")
    if not name:
        return "build"
    if name == DESCRIBE:
        return "describe"
    if name not in CALLS:
        raise UnsupportedRequest(f"unsupported request {name}", type_url="errdefs.Subrequest", name=name)
    return CALLS[name]


def build_options(request: Request) -> BuildOptions:
    """Raises Invalid for values that make no sense, Unsupported for what is not done here."""
    check_frontend(request)
    attrs = request.attrs
    call = subrequest(attrs)
    context = context_source(request)
    no_cache = attrs.get("no-cache")
    arguments = prefixed(attrs, "build-arg:")
    for key, argument in (
        ("hostname", "BUILDKIT_SANDBOX_HOSTNAME"),
        ("multi-platform", "BUILDKIT_MULTI_PLATFORM"),
    ):
        if attrs.get(key):
            arguments.setdefault(argument, attrs[key])
    outputs = exports(request.exporters)
    return BuildOptions(
        context=context,
        dockerfile_source=dockerfile_source(request, context),
        dockerfile=attrs.get("filename") or "Dockerfile",
        subdir=attrs.get("contextsubdir", ""),
        target=attrs.get("target", ""),
        build_args=arguments,
        labels=prefixed(attrs, "label:"),
        tags=tags(outputs),
        platforms=tuple(part.strip() for part in attrs.get("platform", "").split(",") if part.strip()),
        contexts=named_contexts(request),
        no_cache=no_cache == "",
        no_cache_filter=tuple(filter(None, (no_cache or "").split(","))),
        pull=attrs.get("image-resolve-mode") == "pull",
        cache_from=cache_from(request),
        cache_to=tuple(CacheOption(type=kind, attrs=dict(values)) for kind, values in request.cache_exports),
        outputs=outputs,
        network=network(attrs.get("force-network-mode", "")),
        extra_hosts=extra_hosts(attrs.get("add-hosts", "")),
        host_config=host_config(attrs),
        cgroup_parent=attrs.get("cgroup-parent", ""),
        entitlements=frozenset(request.entitlements),
        call="build" if call == "describe" else call,
    )


def prefixed(attrs: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {key[len(prefix) :]: value for key, value in attrs.items() if key.startswith(prefix)}


def context_source(request: Request) -> str:
    if "context" in request.inputs:
        return request.inputs["context"]
    value = request.attrs.get("context", "")
    if value.startswith(("http://", "https://")):
        url = urlsplit(value)
        return f"upload:{url.path.strip('/')}" if url.hostname == UPLOAD_HOST else value
    if GIT.match(value):
        return value
    return f"local:{request.attrs.get('contextkey') or 'context'}"


def dockerfile_source(request: Request, context: str) -> str:
    """A remote context brings its Dockerfile along, unless the client says that it has one."""
    if "dockerfile" in request.inputs:
        return request.inputs["dockerfile"]
    key = request.attrs.get("dockerfilekey")
    if key is None and not context.startswith("local:"):
        return context
    return f"local:{key or 'dockerfile'}"


def named_contexts(request: Request) -> dict[str, str]:
    found = {}
    for name, value in prefixed(request.attrs, "context:").items():
        if value.startswith("input:"):
            key = value.removeprefix("input:")
            if key not in request.inputs:
                raise Invalid(f"invalid input {key} for {name}")
            value = request.inputs[key]
        found[name] = value
    return found


def cache_from(request: Request) -> tuple[CacheOption, ...]:
    entries = [CacheOption(type=kind, attrs=dict(values)) for kind, values in request.cache_imports]
    listed = request.attrs.get("cache-imports", "")
    if listed:
        entries += parse_imports(listed)
    references = request.attrs.get("cache-from", "")
    entries += [CacheOption(type="registry", attrs={"ref": ref}) for ref in references.split(",") if ref]
    return tuple(entries)


def parse_imports(listed: str) -> list[CacheOption]:
    """JSON as Go writes []client.CacheOptionsEntry."""
    try:
        rows = json.loads(listed)
        return [
            CacheOption(
                type=str(row["Type"]), attrs={str(k): str(v) for k, v in (row.get("Attrs") or {}).items()}
            )
            for row in rows
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Invalid(f"failed to unmarshal cache-imports ({listed!r})") from None


def exports(exporters: Sequence[tuple[str, Mapping[str, str]]]) -> tuple[Output, ...]:
    """None at all: the results stay in the cache."""
    outputs = []
    for kind, attrs in exporters:
        if kind not in OUTPUTS:
            raise Invalid(f"exporter {json.dumps(kind)} could not be found")
        # "moby" with push: buildx before 0.15 pushes once more by itself, later ones count on it.
        outputs.append(Output(type=OUTPUTS[kind], attrs=dict(attrs)))
    return tuple(outputs) or (Output(type="cacheonly"),)


def tags(outputs: Sequence[Output]) -> tuple[str, ...]:
    """The names of images that are to be in the store."""
    names = (out.attrs.get("name", "").split(",") for out in outputs if out.type == "image")
    return tuple(dict.fromkeys(name for some in names for name in some if name))


def network(mode: str) -> str:
    """force-network-mode. Sandbox is how steps run anyway."""
    if mode in ("host", "none"):
        return mode
    if mode in ("", "sandbox", "default"):
        return ""
    raise Invalid(f"invalid netmode {mode}")


def csv_fields(value: str, what: str) -> list[str]:
    try:
        rows = list(csv.reader([value], strict=True)) if value else []
    except csv.Error as error:
        raise Invalid(f"failed to parse {what}: {error}") from None
    return [part for row in rows for part in row if part]


def extra_hosts(value: str) -> tuple[str, ...]:
    hosts = csv_fields(value, "additional hosts")
    for host in hosts:
        if "=" not in host:
            raise Invalid(f"invalid key-value pair {host}")
    return tuple(hosts)


def host_config(attrs: Mapping[str, str]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if attrs.get("shm-size"):
        config["ShmSize"] = number(attrs["shm-size"], "failed to parse shm size")
    limits = [ulimits.parse(part) for part in csv_fields(attrs.get("ulimit", ""), "ulimits")]
    if limits:
        config["Ulimits"] = limits
    return config


def number(value: str, what: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise Invalid(f"{what}: invalid number {value!r}")
    return int(value)
