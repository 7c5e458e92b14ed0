"""The parameters of POST /build as BuildOptions. Pure. Words and kinds of failure are Docker's."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from sampan.builder.options import BuildOptions, CacheOption, Output
from sampan.builder.sources import git_urls
from sampan.errors import Failed, Invalid, Unsupported
from sampan.http.requests import query_bool
from sampan.specs.golang.json import mistyped
from sampan.specs.golang.quote import quote
from sampan.specs.oci import reference as references

CONTEXT = "upload:context"
_NUMBERS = {
    "memory": "Memory",
    "memswap": "MemorySwap",
    "cpushares": "CpuShares",
    "cpuperiod": "CpuPeriod",
    "cpuquota": "CpuQuota",
    "shmsize": "ShmSize",
}
_TEXTS = {"cpusetcpus": "CpusetCpus", "cpusetmems": "CpusetMems"}


class Query(Protocol):
    """A request's parameters: some may be there several times."""

    def get(self, name: str, default: str = ...) -> str | None: ...
    def getall(self, name: str, default: list[str]) -> list[str]: ...


@dataclass(frozen=True, kw_only=True)
class ClassicRequest:
    options: BuildOptions
    quiet: bool = False
    id: str = ""  # for POST /build/cancel
    unused: tuple[str, ...] = field(default=())


def parse(query: Any, version: tuple[int, int]) -> ClassicRequest:
    """Raises Invalid, Failed, Unsupported."""
    _refuse(query)
    remote = query.get("remote", "")
    platform = query.get("platform", "") if version >= (1, 32) else ""
    if remote and not _is_url(remote):
        raise Failed(f"remoteURL ({remote}) could not be recognized as URL")
    context = remote or CONTEXT
    network = query.get("networkmode", "")
    options = BuildOptions(
        context=context,
        dockerfile_source=context,
        dockerfile=_dockerfile(query.get("dockerfile", "")),
        hides_dockerfile=not remote,
        target=query.get("target", ""),
        build_args=_build_args(query.get("buildargs", "")),
        labels=_labels(query.get("labels", "")),
        tags=tuple(dict.fromkeys(_tag(text) for text in query.getall("t", []) if text)),
        platforms=(platform,) if platform else (),
        no_cache=query_bool(query, "nocache"),
        pull=query_bool(query, "pull"),
        cache_from=_cache_from(query.get("cachefrom", "")),
        outputs=(Output(type="image"),),
        archive_owners=False,
        squash=query_bool(query, "squash"),
        network="" if network == "default" else network,
        extra_hosts=tuple(query.getall("extrahosts", [])),
        host_config=_host_config(query),
        cgroup_parent=query.get("cgroupparent", ""),
        # What the classic builder allowed, it allowed without a word.
        entitlements=frozenset({"network.host"}),
    )
    return ClassicRequest(options=options, quiet=query_bool(query, "q"), id=query.get("buildid", ""))


def _refuse(query: Any) -> None:
    if query.getall("securityopt", []):
        raise Invalid("security options are not supported on linux")
    isolation = query.get("isolation", "")
    if isolation.lower() not in ("", "default"):
        raise Invalid(f'unsupported isolation: "{isolation}"')
    if query.get("remote", "") == "client-session":
        raise Invalid(
            "experimental session with v1 builder is no longer supported, use builder version v2 (BuildKit) "
            "instead"
        )
    outputs = query.get("outputs", "")
    if outputs and _json(outputs, "invalid outputs specified"):
        raise Unsupported("outputs need the API of BuildKit: docker buildx build, or sampan build")


def _is_url(text: str) -> bool:
    return git_urls.is_git(text) or text.startswith(("http://", "https://", "github.com/", "git@", "git://"))


def builder_version(text: str) -> str:
    """Raises Invalid for what is neither the classic builder, "1", nor BuildKit's, "2"."""
    if text not in ("", "1", "2"):
        raise Invalid(f"invalid version {quote(text)}")
    return text or "1"


def _dockerfile(path: str) -> str:
    if posixpath.normpath(path).startswith(".."):
        raise Failed(f"forbidden path outside the build context: {path} ()")
    return posixpath.normpath(path).lstrip("/") if path else "Dockerfile"


def _json(text: str, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"{what}: {_go_words(text, error)}") from None


def _go_words(text: str, error: orjson.JSONDecodeError) -> str:
    at = error.pos
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    if at >= len(text):
        return "unexpected end of JSON input"
    return f"invalid character '{text[at]}' looking for beginning of value"


def _object(text: str, what: str) -> dict[str, Any]:
    found = _json(text, what) if text else {}
    if found is None:
        return {}
    if not isinstance(found, dict):
        pointer = "*" if "args" in what else ""
        raise mistyped(found, f"map[string]{pointer}string", what=what)
    return found


def _build_args(text: str) -> dict[str, str]:
    """A null stands for a value that the client has not got either."""
    found = _object(text, "error reading build args")
    return {
        name: _value(value, "error reading build args") for name, value in found.items() if value is not None
    }


def _labels(text: str) -> dict[str, str]:
    found = _object(text, "error reading labels")
    return {name: _value(value, "error reading labels") for name, value in found.items()}


def _value(value: Any, what: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise mistyped(value, "string", what=what)
    return value


def _tag(text: str) -> str:
    try:
        reference = references.parse(text)
    except Invalid as error:
        raise Failed(error.message) from None  # 500, as Docker
    if reference.digest:
        raise Failed("build tag cannot contain a digest")
    return reference.with_default_tag().familiar


def _cache_from(text: str) -> tuple[CacheOption, ...]:
    found = _json(text, "error reading cache-from") if text else []
    if not isinstance(found, list | None) or not all(isinstance(item, str) for item in found or ()):
        raise Invalid("error reading cache-from: not a list of strings")
    return tuple(CacheOption(type="image", attrs={"ref": item}) for item in found or ())


def _host_config(query: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, key in _NUMBERS.items():
        if (number := _number(query.get(name, ""))) and (number > 0 or key == "MemorySwap"):
            found[key] = number
    found |= {key: query.get(name) for name, key in _TEXTS.items() if query.get(name)}
    if text := query.get("ulimits", ""):
        limits = _json(text, "error reading ulimit settings")
        limits = [] if limits is None else limits
        if not isinstance(limits, list) or not all(isinstance(item, Mapping) for item in limits):
            raise Invalid("error reading ulimit settings: not a list of objects")
        found["Ulimits"] = limits
    return found


def _number(text: str) -> int:
    """What is no number is none, as for Docker."""
    try:
        return int(text)
    except ValueError:
        return 0
