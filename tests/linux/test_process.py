"""What a process asks for itself where it may be refused."""

import pytest

from sampan.linux import files, process


def test_a_score_that_the_kernel_refuses_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bytes]] = []

    def refuse(path: str, data: bytes) -> None:
        asked.append((path, data))
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(files, "write", refuse)
    process.set_oom_score_adj(process.SHIM_OOM_SCORE)
    assert asked == [("/proc/self/oom_score_adj", b"-998")]


def test_a_score_that_makes_no_sense_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, data: bytes) -> None:
        raise OSError(22, "Invalid argument", path)

    monkeypatch.setattr(files, "write", refuse)
    with pytest.raises(OSError, match="Invalid argument"):
        process.set_oom_score_adj(5000)
