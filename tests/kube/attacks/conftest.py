from collections.abc import Iterator

import pytest

from tests.support.cluster import ClusterProcess, running


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    with running(tmp_path_factory.mktemp("cluster")) as found:
        yield found
