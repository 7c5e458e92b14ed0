"""The conformance suite drives the public door: `docker`, `sampan` and the HTTP API, on any engine.

pytest tests/conformance                                            a sampand of its own
pytest tests/conformance --engine docker:unix:///run/docker.sock    real Docker: this checks the tests
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.engine import Sampand

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.root)


Start = Callable[..., Sampand]


@pytest.fixture
def start(own: Sampand) -> Iterator[Start]:
    """Starts a sampand with the given flags, beside the suite's own."""
    started: list[Sampand] = []

    def run(*flags: str) -> Sampand:
        engine = Sampand(*flags)
        started.append(engine)
        engine.start()
        return engine

    yield run
    for engine in started:
        if engine.running:
            engine.terminate()
        engine.erase()
