"""Limits of RUN steps, checked before a build begins rather than when its first step does."""

from dataclasses import replace
from typing import Any

from sampan.engine.builder.options import BuildOptions


def checked(options: BuildOptions) -> BuildOptions:
    """Raises Invalid as for a container of these limits; what this kernel cannot do is left out."""
    if not options.host_config:
        return options
    from sampan.engine.spec.validate import validate

    resources: dict[str, Any] = dict(options.host_config)
    validate(resources, {})
    return replace(options, host_config=resources)
