"""Golden builds: what real Docker made of them (with BuildKit), asked of every way to build.

pytest tests/conformance/test_golden_builds.py --rewrite-golden --engine docker:unix:///run/docker.sock
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support import buildcases
from tests.support.buildcases import Case
from tests.support.client import Client, Result
from tests.support.engine import Engine

HERE = Path(__file__).parent / "golden_builds"
FORMS = ("classic", "buildx", "sampan")


def cases() -> list[Any]:
    return [
        pytest.param(path, case, form, id=f"{path.stem}-{case.name}-{form}")
        for path in sorted(HERE.glob("*.builds"))
        for case in buildcases.read(path)
        for form in case.forms or FORMS
    ]


@pytest.fixture(scope="module")
def bases(engine: Engine, image: str) -> None:
    names = [tag for row in engine.api.get("/images/json").json for tag in row["RepoTags"] or []]
    buildcases.import_bases(engine.api, names)


@pytest.mark.usefixtures("bases")
@pytest.mark.parametrize(("path", "case", "form"), cases())
def test_a_build_gives_what_docker_gives(
    path: Path,
    case: Case,
    form: str,
    engine: Engine,
    docker_client: Client,
    sampan_client: Client,
    unique: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    rewrite = request.config.getoption("--rewrite-golden")
    if form == "sampan" and engine.kind != "sampan":
        pytest.skip("sampan build speaks to its own engine")
    if rewrite and form != "buildx":
        pytest.skip("only buildx is recorded")
    case.write(tmp_path)
    result = build(form, case, tmp_path, unique, docker_client, sampan_client)
    found = outcome(engine, docker_client, unique, result)
    golden = path.with_suffix(".json")
    if rewrite:
        known = json.loads(golden.read_text()) if golden.exists() else {}
        known[case.name] = found
        golden.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")
        return
    expected = json.loads(golden.read_text())[case.name]
    if "error" in expected:
        assert "error" in found, f"it was built: {case.sentence}\n{found}"
        wanted = classic(expected["error"]) if form == "classic" else expected["error"]
        assert comparable(wanted) in comparable(result.err + result.out), str(result)
        return
    assert found == expected, f"{case.sentence}\n{result}"


def build(form: str, case: Case, context: Path, name: str, docker: Client, sampan: Client) -> Result:
    client = sampan if form == "sampan" else docker
    program = ["buildx", "build", "--progress=plain"] if form == "buildx" else ["build"]
    env = {"DOCKER_BUILDKIT": "0" if form == "classic" else "1"}
    flags = [flag.replace("CONTEXT", str(context)) for flag in case.flags]
    return client(*program, "-t", name, *flags, str(context), env=env)


def outcome(engine: Engine, docker: Client, name: str, result: Result) -> dict[str, Any]:
    if result.code != 0:
        return {"error": message(result)}
    inspected = docker.inspect(name, "image")
    history = engine.api.get(f"/images/{name}/history").json
    saved = engine.api.get(f"/images/{name}/get").body
    docker("rmi", "-f", name)
    return buildcases.outcome(inspected, history, saved)


def message(result: Result) -> str:
    """The last thing the client says, without who says it."""
    lines = [line for line in result.err.strip().splitlines() if line.startswith(("ERROR:", "Error"))]
    text = (lines or result.err.strip().splitlines() or [""])[-1]
    return re.sub(r"^(ERROR: |Error response from daemon: )?(failed to (build|solve): )?", "", text)


def classic(text: str) -> str:
    """How the classic builder says it: it has words of its own for programs that fail."""
    found = re.fullmatch(r'process "(.*)" did not complete successfully: exit code: (\d+)', text)
    return f"The command '{found[1]}' returned a non-zero code: {found[2]}" if found else text


def comparable(text: str) -> str:
    """Digests, references and directories of what was being made differ from build to build."""
    text = re.sub(r"ref [0-9a-z-]+::[0-9a-z]+", "ref R", text)
    text = re.sub(r"/\S*/overlay2/\w+/merged", "", text)
    return re.sub(r"sha256:[0-9a-f]{64}", "sha256:D", text)


def test_there_are_enough_cases() -> None:
    names = [case.name for path in HERE.glob("*.builds") for case in buildcases.read(path)]
    assert len(names) >= 150
    assert len(names) == len(set(names)), "two cases have one name"
    assert os.listdir(HERE), HERE
