"""The daemon's own log lines."""

import json
import logging
from collections.abc import Callable

import pytest

from sampan.engine.daemon import daemonlog
from sampan.engine.daemon.config import DaemonConfig


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[[DaemonConfig], None]:
    """As a new process: during a test the root logger has pytest's own handlers."""

    def set_up(config: DaemonConfig) -> None:
        root = logging.getLogger()
        monkeypatch.setattr(root, "handlers", [])
        monkeypatch.setattr(root, "level", root.level)
        daemonlog.set_up(config)

    return set_up


def test_json_lines_can_be_parsed(
    start: Callable[[DaemonConfig], None], capsys: pytest.CaptureFixture[str]
) -> None:
    start(DaemonConfig(log_format="json"))
    logging.getLogger("sampan").warning("a %s\nb", "β")
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["msg"], line["logger"]) == ("warning", "a β\nb", "sampan")


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        (DaemonConfig(), ["info"]),
        (DaemonConfig(log_level=""), ["info"]),
        (DaemonConfig(debug=True), ["debug", "info"]),
        (DaemonConfig(log_level="warn"), []),
    ],
)
def test_levels(
    start: Callable[[DaemonConfig], None],
    config: DaemonConfig,
    shown: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    start(config)
    log = logging.getLogger("sampan")
    log.debug("debug")
    log.info("info")
    assert [line.rpartition(" ")[2] for line in capsys.readouterr().err.splitlines()] == shown


def test_a_reload_changes_the_level_and_adds_no_second_handler(
    start: Callable[[DaemonConfig], None], capsys: pytest.CaptureFixture[str]
) -> None:
    start(DaemonConfig())
    daemonlog.set_up(DaemonConfig(debug=True))
    logging.getLogger("sampan").debug("once")
    assert capsys.readouterr().err.count("once") == 1
