"""A zone of its own for tests of local times."""

import os
import time
from collections.abc import Iterator

import pytest


@pytest.fixture
def far_east() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "FAR-05:30"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()
