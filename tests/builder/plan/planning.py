"""Plans of Dockerfiles on invented base images."""

from collections.abc import Mapping
from typing import Any

from sampan.builder.dockerfile.lint.linter import Linter
from sampan.builder.dockerfile.parse import parse
from sampan.builder.options import BuildOptions
from sampan.builder.plan.bases import Base, NeededBase
from sampan.builder.plan.graph import Plan
from sampan.builder.plan.plan import plan
from sampan.builder.plan.resolve import needed_bases

LAYER = "sha256:" + "1" * 64
HISTORY = [{"created": "2020-01-02T03:04:05Z", "comment": "Imported from -"}]


def image(config: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A config document with one layer, made at 1577934245."""
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": "2020-01-02T03:04:05.678Z",
        "config": dict(config),
        "history": HISTORY,
        "rootfs": {"type": "layers", "diff_ids": [LAYER]},
        **more,
    }


BUSYBOX = image({"Cmd": ["sh"]})
ON_AMD64: dict[str, Any] = {"platforms": ("linux/amd64",)}


def base_of(needed: NeededBase, images: Mapping[str, Mapping[str, Any]]) -> Base:
    name = needed.source.removeprefix("docker-image://docker.io/library/").removesuffix(":latest")
    return Base(
        reference=needed.source.removeprefix("docker-image://"),
        image_id=f"sha256:{name}",
        config=images.get(name, BUSYBOX),
    )


def planned(
    text: str | bytes,
    images: Mapping[str, Mapping[str, Any]] | None = None,
    linter: Linter | None = None,
    ignore: tuple[str, ...] = (),
    **options: Any,
) -> Plan:
    """Every name is an image like busybox, unless `images` says otherwise. Raises DockerfileError."""
    options = {**ON_AMD64, **options}
    dockerfile = parse(text if isinstance(text, bytes) else text.encode())
    bases: dict[tuple[str, str], Base] = {}
    while needed := needed_bases(dockerfile, BuildOptions(**options), bases):
        bases |= {one.key: base_of(one, images or {}) for one in needed}
    return plan(dockerfile, BuildOptions(**options), bases, linter, ignore)


def history(made: Plan) -> list[str]:
    return [entry.created_by for entry in made.targets[0].history]


def names(made: Plan) -> list[str]:
    return [step.name for step in made.steps]
