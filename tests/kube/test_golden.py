"""Recorded conversations with a real Kubernetes, played to a cluster of ours.

The setting SAMPAN_GOLDEN names the folder with the recordings and their replayer. What is not answered as it was
recorded stands in `golden_differences.txt`, each with the reason; whatever else differs is an error, and so is
a line for what is answered by now.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import ClusterProcess, kubectl_program, running

FOLDER = os.environ.get("SAMPAN_GOLDEN", "")
KNOWN = Path(__file__).with_name("golden_differences.txt")
TOKEN = "golden-token"

pytestmark = pytest.mark.skipif(not FOLDER, reason="SAMPAN_GOLDEN names no folder with recordings")


def areas() -> list[str]:
    if not FOLDER:
        return ["none"]
    return sorted(path.name for path in Path(FOLDER).iterdir() if path.is_dir())


def known_differences() -> set[str]:
    lines = KNOWN.read_text().splitlines() if KNOWN.exists() else []
    return {line.split(maxsplit=1)[0] for line in lines if line.strip() and not line.startswith("#")}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    directory = tmp_path_factory.mktemp("golden")
    tokens = directory / "tokens.csv"
    tokens.write_text(f'{TOKEN},kubernetes-admin,admin-1,"system:masters"\n')
    with running(directory, "--token-auth-file", str(tokens), "--advertise-address", "192.0.2.10") as found:
        yield found


@pytest.mark.parametrize("area", areas())
def test_it_is_answered_as_it_was_recorded(cluster: ClusterProcess, area: str) -> None:
    server = ["--server", f"https://127.0.0.1:{cluster.port}", "--token", TOKEN]
    line = [sys.executable, f"{FOLDER}/replay.py", *server, "--kubectl", kubectl_program()]
    done = subprocess.run(
        [*line, "--have", "apiserver,controllers,scheduler", f"{FOLDER}/{area}"],
        capture_output=True,
        text=True,
        timeout=900,
    )
    failed = set(re.findall(r"^FAIL (\S+)", done.stdout, re.M))
    passed = set(re.findall(r"^PASS (\S+)", done.stdout, re.M))
    known = {name for name in known_differences() if name.startswith(f"{area}/")}
    assert failed - known == set(), done.stdout[-6000:]
    assert known & passed == set(), "these are answered by now: take them out of the list"
