from collections.abc import Iterator

import pytest

from tests.support.cluster import ClusterProcess


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    found = ClusterProcess(tmp_path_factory.mktemp("cluster"))
    found.up()
    yield found
    found.down()
