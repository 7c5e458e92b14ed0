"""The conformance suite drives the public door: `docker`, `sampan` and the HTTP API, on any engine.

pytest tests/conformance                                            a sampand of its own
pytest tests/conformance --engine docker:unix:///run/docker.sock    real Docker: this checks the tests
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.root)
