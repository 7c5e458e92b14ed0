"""A rig per test, and a look at what it left behind."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import sampan
from tests.runtime.rig import Rig, rigged, until
from tests.support import leftovers


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    """Its directories lie on a real file system: overlayfs takes no upper directory on some tmpfs."""
    monkeypatch.setenv("PYTHONPATH", str(Path(sampan.__file__).parent.parent))
    root = Path(tempfile.mkdtemp(prefix="sampan-rt-", dir="/var/tmp"))
    run = Path(tempfile.mkdtemp(prefix="sampan-rt-", dir="/run"))
    try:
        async with rigged(root, run) as rig:
            yield rig
        assert not leftovers.cgroups(rig.running[0].paths.id if rig.running else "no container")
        await until(lambda: not leftovers.processes(run.name), "every shim has ended")
        assert not [point for point in leftovers.mount_points("/proc/self/mountinfo") if root.name in point]
    finally:
        shutil.rmtree(root)
        shutil.rmtree(run)
