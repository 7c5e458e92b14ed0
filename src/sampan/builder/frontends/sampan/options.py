"""The document of POST /sampan/builds as BuildOptions. Pure."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sampan.builder.options import BuildOptions, CacheOption, Output
from sampan.errors import Invalid

CONTEXT, DOCKERFILE = "context", "dockerfile"
CALLS = ("build", "check", "outline", "targets")
OUTPUTS = ("image", "docker", "oci", "local", "tar", "registry", "cacheonly")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A directory of the client: its own, on this machine, or one that it has sent."""

    path: str = ""
    device: int = 0
    inode: int = 0
    upload: str = ""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """`upload`: of a stream that is the context. `text`: the Dockerfile itself."""

    options: BuildOptions
    places: Mapping[str, Place] = field(default_factory=dict)
    upload: str = ""
    text: str | None = None
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    agents: frozenset[str] = frozenset()


def asked(body: Mapping[str, Any]) -> Asked:
    """Raises Invalid."""
    places = {name: _place(name, value) for name, value in _objects(body, "Directories").items()}
    context, upload = _context(body, places)
    source, dockerfile, text = _dockerfile(body, context, places)
    options = BuildOptions(
        context=context,
        dockerfile_source=source,
        dockerfile=dockerfile,
        target=_text(body, "Target"),
        build_args=_texts_by_name(body, "BuildArgs"),
        labels=_texts_by_name(body, "Labels"),
        tags=_texts(body, "Tags"),
        platforms=_texts(body, "Platforms"),
        contexts=_contexts(body, places),
        no_cache=_truth(body, "NoCache"),
        no_cache_filter=_texts(body, "NoCacheFilter"),
        pull=_truth(body, "Pull"),
        cache_from=tuple(CacheOption(type=kind, attrs=attrs) for kind, attrs in _typed(body, "CacheFrom")),
        cache_to=tuple(CacheOption(type=kind, attrs=attrs) for kind, attrs in _typed(body, "CacheTo")),
        outputs=_outputs(body),
        squash=_truth(body, "Squash"),
        network=_text(body, "Network"),
        extra_hosts=_texts(body, "ExtraHosts"),
        host_config=_objects(body, "HostConfig"),
        cgroup_parent=_text(body, "CgroupParent"),
        entitlements=frozenset(_texts(body, "Entitlements")),
        explain=_truth(body, "Explain"),
        call=_call(body),
    )
    return Asked(
        options=options,
        places=places,
        upload=upload,
        text=text,
        secrets={name: _secret(name, value) for name, value in _texts_by_name(body, "Secrets").items()},
        agents=frozenset(_texts(body, "SSH")),
    )


def _context(body: Mapping[str, Any], places: Mapping[str, Place]) -> tuple[str, str]:
    """(BuildOptions.context, the upload it is)."""
    context = _objects(body, "Context")
    if url := _text(context, "URL"):
        return _remote(url), ""
    if upload := _text(context, "Upload"):
        return f"upload:{CONTEXT}", upload
    if CONTEXT not in places and "Text" not in _objects(body, "Dockerfile"):
        raise Invalid("a build needs a context: Context, Directories.context or Dockerfile.Text")
    return f"local:{CONTEXT}", ""


def _dockerfile(
    body: Mapping[str, Any], context: str, places: Mapping[str, Place]
) -> tuple[str, str, str | None]:
    """(where it is, its path there, its text where that was sent)."""
    found = _objects(body, "Dockerfile")
    name = _text(found, "Name") or "Dockerfile"
    if "Text" in found:
        return f"local:{DOCKERFILE}", "Dockerfile", _text(found, "Text")
    if url := _text(found, "URL"):
        return _remote(url), name, None
    return f"local:{DOCKERFILE}" if DOCKERFILE in places else context, name, None


def _remote(url: str) -> str:
    if url.startswith(("local:", "upload:")):
        raise Invalid(f"{url}: not a URL")
    return url


def _contexts(body: Mapping[str, Any], places: Mapping[str, Place]) -> dict[str, str]:
    found = {}
    for name, value in _objects(body, "Contexts").items():
        if not isinstance(value, dict):
            raise Invalid(f"Contexts.{name}: not an object")
        directory = f"context-{name}"
        if url := _text(value, "URL"):
            found[name] = _remote(url)
        elif directory not in places:
            raise Invalid(f"Contexts.{name}: neither a URL nor among the Directories")
        elif "Layout" in value:
            found[name] = f"oci-layout:{directory}{_text(value, 'Layout')}"
        else:
            found[name] = f"local:{directory}"
    return found


def _outputs(body: Mapping[str, Any]) -> tuple[Output, ...]:
    if "Outputs" not in body:
        return (Output(type="image"),)
    found = []
    for kind, attrs in _typed(body, "Outputs"):
        if kind not in OUTPUTS:
            raise Invalid(f'exporter "{kind}" could not be found')
        if kind == "docker" and not attrs.get("dest"):
            kind = "image"  # an archive loaded into the engine that makes it
        found.append(Output(type=kind, attrs=attrs))  # type: ignore[arg-type]
    return tuple(found)


def _call(body: Mapping[str, Any]) -> Any:
    call = _text(body, "Call") or "build"
    if call not in CALLS:
        raise Invalid(f'Call: "{call}" is none of {", ".join(CALLS)}')
    return call


def _place(name: str, value: Any) -> Place:
    if not isinstance(value, dict):
        raise Invalid(f"Directories.{name}: not an object")
    if upload := _text(value, "Upload"):
        return Place(upload=upload)
    path, device, inode = _text(value, "Path"), value.get("Device"), value.get("Inode")
    if not path.startswith("/") or type(device) is not int or type(inode) is not int:
        raise Invalid(f"Directories.{name}: Path (absolute), Device and Inode are needed, or Upload")
    return Place(path=path, device=device, inode=inode)


def _secret(name: str, value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(f"Secrets.{name}: not base64") from None


def _typed(body: Mapping[str, Any], name: str) -> list[tuple[str, dict[str, str]]]:
    items = body.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Invalid(f"{name}: not a list of objects")
    return [(_text(item, "Type"), _texts_by_name(item, "Attrs")) for item in items]


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise Invalid(f"{name}: not a string")
    return value


def _truth(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise Invalid(f"{name}: neither true nor false")
    return value


def _texts(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Invalid(f"{name}: not a list of strings")
    return tuple(value)


def _objects(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name) or {}
    if not isinstance(value, dict):
        raise Invalid(f"{name}: not an object")
    return value


def _texts_by_name(body: Mapping[str, Any], name: str) -> dict[str, str]:
    found = _objects(body, name)
    if not all(isinstance(value, str) for value in found.values()):
        raise Invalid(f"{name}: not all values are strings")
    return found
