"""Build arguments: those every build has, those given, and those before the first FROM. Pure."""

from collections.abc import Mapping

from sampan.builder.dockerfile.expand import Expander
from sampan.builder.dockerfile.instructions import Arg, Dockerfile
from sampan.builder.errors import DockerfileError
from sampan.errors import Invalid
from sampan.specs.golang.numbers import parse_int
from sampan.specs.oci.platform import Platform

EPOCH = "SOURCE_DATE_EPOCH"
# Handed to RUN without being declared, and in no cache key. dockerfile reference, "Predefined ARGs".
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
# Not variables of a stage: the builder reads them.
NOT_IN_ENVIRONMENT = frozenset({"BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"})


def platform_arguments(build: Platform, target: Platform) -> dict[str, str]:
    """BUILDPLATFORM and so on; a stage sees those that it declares."""
    values: dict[str, str] = {}
    for prefix, platform in (("BUILD", build), ("TARGET", target)):
        values[f"{prefix}PLATFORM"] = platform.short
        values[f"{prefix}OS"] = platform.os
        values[f"{prefix}OSVERSION"] = platform.os_version
        values[f"{prefix}ARCH"] = platform.architecture
        values[f"{prefix}VARIANT"] = platform.variant
    return values


def default_arguments(build: Platform, target: Platform, given: Mapping[str, str]) -> dict[str, str]:
    """What global scope begins with: a build argument may replace a platform's."""
    values = platform_arguments(build, target)
    return {name: given.get(name, value) for name, value in values.items()}


def global_arguments(
    dockerfile: Dockerfile, start: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, str]:
    """With the ARG lines before the first FROM. Raises DockerfileError."""
    values = dict(start)
    for instruction in dockerfile.global_args:
        with dockerfile.at(instruction):
            _read(instruction, values, given, dockerfile.escape)
    return values


def _read(instruction: Arg, values: dict[str, str], given: Mapping[str, str], escape: str) -> None:
    for arg in instruction.args:
        if arg.key in given:
            values[arg.key] = given[arg.key]
        elif arg.value is not None:
            values[arg.key] = Expander(values, escape).word(arg.value)


def proxy_variables(given: Mapping[str, str]) -> tuple[str, ...]:
    """The environment of RUN for proxy arguments: both spellings, as BuildKit sets them."""
    found: dict[str, str] = {}
    for name in sorted(given):
        if name.lower() in _PROXIES:
            found[name.lower()] = given[name]
    variables: list[str] = []
    for name in _PROXIES:
        if found.get(name):
            variables += [f"{name.upper()}={found[name]}", f"{name}={found[name]}"]
    return tuple(variables)


def epoch_argument(given: Mapping[str, str], values: Mapping[str, str]) -> int | None:
    """SOURCE_DATE_EPOCH in seconds, as an argument or a global ARG. Raises DockerfileError."""
    text = given.get(EPOCH, values.get(EPOCH, ""))
    if not text:
        return None
    try:
        return parse_int(text)
    except Invalid as error:
        raise DockerfileError(f"invalid SOURCE_DATE_EPOCH: {text}: {error.message}") from None
