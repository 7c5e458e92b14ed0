"""Options and marks shared by all tests."""

import os
import signal

import pytest

pytest_plugins = ["tests.support.plugin"]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sampan")
    group.addoption(
        "--engine",
        default="sampan",
        metavar="TARGET",
        help="what the conformance suite drives: 'sampan' (a sampand of its own, the default), or the "
        "address of a running engine: docker:unix:///var/run/docker.sock, sampan:unix:///run/sampan.sock",
    )
    group.addoption(
        "--engine-root",
        default="",
        metavar="DIRECTORY",
        help="where that engine's root file system is seen from here, when it is not this machine's own",
    )
    group.addoption(
        "--client",
        default="both",
        choices=["docker", "sampan", "both"],
        help="command line the conformance suite uses for what both must do alike",
    )
    group.addoption("--rewrite-docs", action="store_true", help="write the tables in docs/ anew")
    group.addoption(
        "--rewrite-golden", action="store_true", help="record what the engine (real Docker) builds as golden"
    )
    group.addoption(
        "--keep",
        action="store_true",
        help="leave the engine's directories behind, to look at them afterwards",
    )


def pytest_configure() -> None:
    # Started in the background of a script, pytest ignores interrupts, and so would all clients it starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that need root are skipped at home, with the reason; in CI they fail."""
    if os.geteuid() == 0 or os.environ.get("CI") == "true":
        return
    skip = pytest.mark.skip(reason="needs root")
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(skip)
