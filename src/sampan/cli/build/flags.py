"""The options of `sampan build`: docker buildx build's, what only the classic builder had, and ours."""

from __future__ import annotations

from sampan.cli.build import attributes
from sampan.cli.flags import Flag
from sampan.cli.opts import values
from sampan.specs.docker import ulimits

VIEWS = ("auto", "plain", "tty", "quiet", "rawjson")


def _view(text: str) -> str:
    if text not in VIEWS:
        raise ValueError(f"must be one of {', '.join(VIEWS)}")
    return text


def _host(text: str) -> list[str]:
    from sampan.cli.opts import csv

    return [values.extra_host(part) for part in csv.fields(text)]


BUILD_FLAGS = (
    Flag("add-host", "strings", "Add a host name and its address, for RUN (host:ip)", parse=_host),
    Flag("allow", "strings", "Allow RUN what it may not by itself (network.host, security.insecure)"),
    Flag(
        "annotation",
        "list",
        "Add an annotation to the image",
        parse=lambda text: [attributes.annotation(text)],
    ),
    Flag("attest", "list", hidden=True),
    Flag("build-arg", "list", "Set a build argument (NAME=value, or NAME to pass this shell's value on)"),
    Flag("build-context", "list", "Name another context (name=path, name=docker-image://..., name=URL)"),
    Flag("builder", "string", hidden=True),
    Flag(
        "cache-from",
        "list",
        "Take cached steps from elsewhere (user/app:cache, type=local,src=path)",
        parse=attributes.cache,
    ),
    Flag(
        "cache-to",
        "list",
        "Keep cached steps elsewhere (user/app:cache, type=local,dest=path)",
        parse=attributes.cache,
    ),
    Flag("call", "string", 'What to do (build, check, outline, targets) (default "build")', default="build"),
    Flag("cgroup-parent", "string", "Parent cgroup of RUN"),
    Flag("check", "bool", "Only check the Dockerfile; short for --call=check"),
    Flag("compress", "bool", hidden=True),
    Flag("cpu-period", "int", "Length of a CPU quota period for RUN, in microseconds"),
    Flag("cpu-quota", "int", "CPU time of RUN per period, in microseconds"),
    Flag("cpu-shares", "int", "Relative CPU weight of RUN", short="c"),
    Flag("cpuset-cpus", "string", "CPUs for RUN (0-3, 0,1)"),
    Flag("cpuset-mems", "string", "Memory nodes for RUN (0-3, 0,1)"),
    Flag("disable-content-trust", "bool", hidden=True, default=True),
    Flag("explain", "bool", "Say for each step why it was, or was not, taken from the cache"),
    Flag("file", "string", 'The Dockerfile ("-": from stdin) (default "PATH/Dockerfile")', short="f"),
    Flag("force-rm", "bool", hidden=True),
    Flag("iidfile", "string", "Write the image's ID to this file"),
    Flag("isolation", "string", hidden=True),
    Flag("label", "list", "Set a label on the image", parse=values.label),
    Flag("load", "bool", 'Keep the image on the engine, as without any --output; short for "type=docker"'),
    Flag("memory", "bytes", "Memory limit of RUN", short="m", parse=values.memory),
    Flag(
        "memory-swap",
        "bytes",
        "Limit of memory plus swap of RUN: '-1' for unlimited swap",
        parse=values.memory_swap,
    ),
    Flag("metadata-file", "string", "Write what was made to this file, as JSON"),
    Flag("network", "string", 'Network of RUN (default, none, host, or a name) (default "default")'),
    Flag("no-cache", "bool", "Do everything anew"),
    Flag("no-cache-filter", "strings", "Do these stages anew"),
    Flag(
        "output",
        "list",
        "Where the result goes (type=local,dest=path; docker, image, oci, registry, tar)",
        short="o",
        parse=lambda text: [attributes.output(text)],
    ),
    Flag("platform", "strings", "Platform to build for"),
    Flag(
        "progress",
        "string",
        'How to show progress (auto, plain, tty, quiet, rawjson) (default "auto")',
        parse=_view,
    ),
    Flag("provenance", "string", hidden=True),
    Flag("pull", "bool", "Always ask registries for the base images"),
    Flag("push", "bool", 'Send the image to its registry; short for "type=registry"'),
    Flag("quiet", "bool", "Only print the image's ID", short="q"),
    Flag("rm", "bool", hidden=True, default=True),
    Flag("sbom", "string", hidden=True),
    Flag(
        "secret",
        "list",
        "A secret for RUN --mount=type=secret (id=NAME[,src=path|,env=NAME])",
        parse=lambda t: [attributes.secret(t)],
    ),
    Flag("security-opt", "list", hidden=True),
    Flag("shm-size", "bytes", "Size of /dev/shm in RUN", parse=values.memory),
    Flag("squash", "bool", "Make one layer of all that the build adds"),
    Flag(
        "ssh",
        "list",
        "An SSH agent, or keys, for RUN --mount=type=ssh (default|ID[=socket|key[,key]])",
        parse=lambda t: [attributes.agent(t)],
    ),
    Flag("tag", "list", "Name of the image, and maybe a tag (name:tag)", short="t"),
    Flag("target", "string", "Build this stage, and what it needs"),
    Flag("ulimit", "ulimit", "Resource limits of RUN (default [])", parse=ulimits.parse),
)
