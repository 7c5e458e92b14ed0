"""What the API says about RUN steps, checked before a build begins rather than when its first step does."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sampan.builder.options import BuildOptions
from sampan.errors import Invalid


def checked(options: BuildOptions) -> BuildOptions:
    """Raises Invalid as for a container of these limits; what this kernel cannot do is left out."""
    _check_texts(options.extra_hosts)
    if not options.host_config and not options.cgroup_parent:
        return options
    from sampan.engine.containers.documents import HOST_CONFIG, canonical, convert
    from sampan.engine.ocispec.validate import validate

    _check_texts([options.cgroup_parent])
    resources: dict[str, Any] = {
        name: convert(value, HOST_CONFIG[name], f"HostConfig.{name}") if name in HOST_CONFIG else value
        for name, value in canonical(options.host_config, HOST_CONFIG).items()
        if value is not None
    }
    _check_texts(value for value in resources.values() if isinstance(value, str))
    validate(resources, {})
    return replace(options, host_config=resources)


def _check_texts(texts: Iterable[str]) -> None:
    """They become lines of files and names of directories."""
    for text in texts:
        if not text.isprintable():
            raise Invalid(f"{text!r} has characters that do not belong there")
