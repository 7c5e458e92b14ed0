"""`--build-context`: what stands in for a stage or an image of that name. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from sampan.builder.errors import DockerfileError
from sampan.errors import Invalid
from sampan.specs.oci import reference as references
from sampan.specs.oci.platform import Platform

_RESERVED = frozenset({"scratch", "context"})


@dataclass(frozen=True)
class NamedContext:
    """`key` is its name in BuildOptions.contexts, which may end with "::linux/arm64"."""

    key: str
    value: str

    @property
    def is_image(self) -> bool:
        return self.value.startswith(("docker-image:", "oci-layout:"))

    @property
    def is_result(self) -> bool:
        return self.value.startswith("input:")

    @property
    def is_scratch(self) -> bool:
        return self.value in ("docker-image://scratch", "docker-image:scratch")

    @property
    def source(self) -> str:
        """As NeededBase.source has it."""
        if not self.value.startswith("docker-image:"):
            return self.value
        text = self.value.removeprefix("docker-image:").removeprefix("//")
        try:
            return f"docker-image://{references.parse(text).with_default_tag()}"
        except Invalid as error:
            raise DockerfileError(str(error)) from None

    @property
    def shown(self) -> str:
        """The image as written."""
        return self.value.partition(":")[2].removeprefix("//")


def find_context(contexts: Mapping[str, str], name: str, platform: Platform) -> NamedContext | None:
    """The context that replaces the stage or image `name`. Raises DockerfileError."""
    if not contexts or name.lower() in _RESERVED:
        return None
    try:
        short = references.parse(name).familiar.removesuffix(":latest")
    except Invalid as error:
        raise DockerfileError(f"invalid context name {name}: {error}") from None
    for key in (f"{short}::{platform}", short):
        if key in contexts:
            found = NamedContext(key, contexts[key])
            if ":" not in found.value:
                raise DockerfileError(f"invalid context specifier {found.value} for {key}")
            return found
    return None
