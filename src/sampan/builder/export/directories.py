"""`--output type=local` and `type=tar`: the files of a result, or of each platform in its own directory."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sampan.builder.execute.executor import Execution
from sampan.builder.export.attributes import flag
from sampan.builder.export.results import Solved


def split(attrs: Mapping[str, str], several: bool) -> bool:
    """Whether platforms get a directory each. Raises Invalid."""
    return flag(attrs, "platform-split", several)


def directory_of(platform: str) -> str:
    return platform.replace("/", "_")


async def write(execution: Execution, solved: Sequence[Solved], directory: Path, *, split: bool) -> None:
    """The files of all platforms below `directory`. Raises Failed."""
    for item in solved:
        tree = directory / directory_of(item.target.platform) if split else directory
        tree.mkdir(exist_ok=True)
        await execution.export_directory(item.snapshot, tree)
