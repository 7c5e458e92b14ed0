"""The configs and histories that real Docker recorded, without building anything."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sampan.builder.errors import DockerfileError
from sampan.builder.plan.changes import apply_changes
from sampan.images.config import empty_container_config
from tests.builder.plan.planning import BUSYBOX, image, planned
from tests.support import buildcases
from tests.support.buildcases import BASES, Case

GOLDEN = Path(__file__).parents[2] / "conformance" / "golden_builds"
IMAGES = {"sampan-test": BUSYBOX} | {
    name: image(apply_changes(empty_container_config(), changes)) for name, changes in BASES.items()
}


def cases() -> list[Any]:
    found = []
    for path in sorted(GOLDEN.glob("*.builds")):
        recorded = json.loads(path.with_suffix(".json").read_text())
        for case in buildcases.read(path):
            if "error" not in recorded[case.name]:
                found.append(pytest.param(case, recorded[case.name], id=case.name))
    return found


def options_of(flags: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"build_args": {}, "labels": {}, "contexts": {}}
    words = [word for flag in flags for word in (flag.split("=", 1) if flag.startswith("--") else [flag])]
    for word, value in pairwise(words):
        name, equals, text = value.partition("=")
        if word == "--build-arg" and equals:
            found["build_args"][name] = text
        elif word == "--label":
            found["labels"][name] = text
        elif word == "--build-context":
            found["contexts"][name] = text if "://" in text else f"local:{name}"
        elif word == "--target":
            found["target"] = value
        elif word == "--platform":
            found["platforms"] = tuple(value.split(","))
    return found


def dockerfile_of(case: Case, directory: Path) -> bytes:
    case.write(directory)
    named = [after for flag, after in pairwise(case.flags) if flag in ("-f", "--file")]
    return (directory / (named[0].replace("CONTEXT", str(directory)) if named else "Dockerfile")).read_bytes()


@pytest.mark.parametrize(("case", "recorded"), cases())
def test_config_and_history_are_dockers(case: Case, recorded: dict[str, Any], tmp_path: Path) -> None:
    made = planned(dockerfile_of(case, tmp_path), IMAGES, **options_of(case.flags))
    target = made.targets[0]
    lines = [f"{entry.created_by} {entry.comment}" for entry in reversed(target.history)]
    lines += [entry["comment"] for entry in reversed(target.base_history)]
    assert dict(target.config) == recorded["config"], case.sentence
    assert lines == [line.removeprefix("(empty) ") for line in recorded["history"]], case.sentence
    assert target.document.get("author", "") == recorded["author"]


def test_every_error_of_the_plan_is_dockers() -> None:
    checked = 0
    for path in sorted(GOLDEN.glob("*.builds")):
        recorded = json.loads(path.with_suffix(".json").read_text())
        for case in buildcases.read(path):
            files = {name: content for name, _, content in case.files}
            if "error" not in recorded[case.name] or "Dockerfile" not in files:
                continue
            try:
                planned(files["Dockerfile"], IMAGES, **options_of(case.flags))
            except DockerfileError as error:
                # Newer BuildKit suggests names where the recorded one does not.
                found = error.message.partition(" (did you mean ")[0]
                assert found in recorded[case.name]["error"], case.name
                checked += 1
    assert checked > 10
