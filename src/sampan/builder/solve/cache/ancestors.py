"""Images as caches by nothing but their history: what dockerd's classic builder does with --cache-from. Pure.

An image is an ancestor of a step when its layers begin with those that the step stands on, and its history
with what the history of the step's stage says up to the step itself: moby's image/cache (isValidParent,
isValidConfig). RUN is trusted by that. COPY and ADD are not: the classic builder writes a digest of the
files into history that only it can make, BuildKit none at all. Their layers are compared with what the step
makes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sampan.builder.export.document import base_history
from sampan.builder.plan.graph import HistoryEntry, Plan, Run, Step
from sampan.specs.oci.image import ImageConfig

# Of 1024 zero bytes. WORKDIR of what is there makes one here and in BuildKit, none in the classic builder.
EMPTY_LAYER = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
_NO_PROGRAM = re.compile(r"^\S+( -\S+)* #\(nop\)\s+")  # as the classic builder marks what runs nothing
BUILDKIT = " # buildkit"
_BY_NAME = ("COPY", "ADD", "EXPOSE")  # whose words differ between builders, and decide nothing


@dataclass(frozen=True)
class Ancestor:
    """One image: what each entry of its history says, and the diff ID of its layer, "" for none."""

    config: ImageConfig
    entries: tuple[tuple[str, str], ...]


def ancestor(config: ImageConfig) -> Ancestor | None:
    """None for an image whose history does not speak of its layers one by one."""
    history: Sequence[Mapping[str, Any]] = config.get("history") or ()
    layers = list(config["rootfs"].get("diff_ids") or ())
    if sum(not entry.get("empty_layer") for entry in history) != len(layers):
        return None
    found = []
    for entry in history:
        layer = "" if entry.get("empty_layer") else layers.pop(0)
        found.append((_said(entry), "" if layer == EMPTY_LAYER else layer))
    return Ancestor(config, tuple(found))


def _said(entry: Mapping[str, Any]) -> str:
    return plain(str(entry.get("created_by") or ""))


def plain(created_by: str) -> str:
    """What was done, in the same words for the classic builder and BuildKit."""
    if created_by.endswith(BUILDKIT):
        text = created_by.removesuffix(BUILDKIT).removeprefix("RUN ").strip()
    else:
        text = _NO_PROGRAM.sub("", created_by).strip()
    keyword = text.partition(" ")[0]
    return keyword if keyword in _BY_NAME else text


class Histories:
    """What the images of a plan's stages have in their history up to each step."""

    def __init__(self, plan: Plan) -> None:
        self._before: dict[int, tuple[Sequence[Mapping[str, Any]], Sequence[HistoryEntry]]] = {}
        for lineage in plan.lineages:
            for number, entry in enumerate(lineage.history):
                if entry.step is not None:
                    up_to_it = lineage.history[: number + 1]
                    self._before.setdefault(entry.step, (lineage.base_history, up_to_it))

    def layer(self, step: Step, below: Sequence[str], found: Ancestor) -> str:
        """The diff ID of the layer that the image has for a step that stands on `below`; "": it has none."""
        if step.id not in self._before or (isinstance(step.operation, Run) and step.operation.mounts):
            return ""  # what is mounted is in no history
        base, own = self._before[step.id]
        of_base = len(below) - sum(entry.step is not None for entry in own[:-1])
        said = [_said(entry) for entry in base_history(base, of_base, "")]
        said += [plain(entry.created_by) for entry in own]
        entries = found.entries[: len(said)]
        if [text for text, _ in entries] != said:
            return ""
        layers = [layer for _, layer in entries[:-1] if layer]
        return entries[-1][1] if layers == [layer for layer in below if layer != EMPTY_LAYER] else ""
