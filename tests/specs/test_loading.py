"""What each module of specs/ brings along when it is imported: every command of `sampan` pays for it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import sampan.specs
from tests.test_imports import LIGHT

ROOT = Path(sampan.specs.__file__).parent

# Beyond LIGHT: what a grammar may be written with where the command line and the shims do not load it.
GRAMMAR = {"re", "typing"}
# Generated from tables by the protobuf library, and loaded only once somebody speaks gRPC.
MESSAGES = ("buildkit", "etcd", "protobuf", "wellknown")

MORE = {
    "golang.jsonsyntax": {"re"},
    "golang.match": {"re"},
    "docker.ignore.patterns": {"re", "typing"},
    "docker.ignore.expressions": {"re", "typing"},
    "oci.runtime": {"typing"},
    "oci.image": {"typing"},
    "kubernetes.cron": {"re"},
    "kubernetes.intorstring": {"re"},
    "kubernetes.labelselector": {"re"},
    "kubernetes.names": {"re"},
    "kubernetes.nodeselectors": {"re", "typing"},
    "kubernetes.object_meta": {"re"},
    "kubernetes.podamounts": {"re"},
    "kubernetes.quantity": {"re"},
    "kubernetes.quotas": {"re"},
}


def modules() -> list[str]:
    names = (path.relative_to(ROOT).with_suffix("").parts for path in sorted(ROOT.rglob("*.py")))
    return [".".join(parts) for parts in names if parts[0] not in MESSAGES and parts[-1] != "__init__"]


@pytest.mark.parametrize("module", modules())
def test_a_format_of_the_outside_world_loads_nothing_heavy(module: str) -> None:
    allowed = MORE.get(module, set())
    assert allowed <= GRAMMAR
    program = (
        "import sys, json, importlib\n"
        f"for name in {[*LIGHT, *sorted(allowed)]!r}: importlib.import_module(name)\n"
        "before = set(sys.modules)\n"
        f"importlib.import_module('sampan.specs.{module}')\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert [name for name in loaded if name.split(".")[0] != "sampan"] == []
    assert [
        n
        for n in loaded
        if n not in ("sampan", "sampan.errors", "sampan.specs") and n[:13] != "sampan.specs."
    ] == []
