"""The security suite: hostile containers, images, clients and peers, through the engine's public door.

Every attack leaves the host as it was also where it succeeds: modes are "changed" to what they are, and what
tells is the inode's change time.
"""

from pathlib import Path

import pytest

from tests.security.support import Containers
from tests.support import hostile
from tests.support.api import Api
from tests.support.client import Client
from tests.support.engine import Sampand

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.root)


@pytest.fixture(scope="session")
def attacker(engine: Sampand) -> str:
    """An image with Python and every script of scripts/, made once."""
    files = {f"/{path.name}": path.read_bytes() for path in (HERE / "scripts").iterdir()}
    # A script's first line is where #! must be.
    files["/attack-by-shebang"] = b"#!/proc/self/exe -S\n" + files["/attack_exe.py"]
    body = hostile.image(files)
    answer = engine.api.request(
        "POST",
        "/images/create",
        body,
        fromSrc="-",
        repo="sampan-attacker",
        changes="\n".join(hostile.settings()),
    )
    assert answer.status == 200, answer.body
    return "sampan-attacker"


@pytest.fixture
def containers(docker: Client) -> Containers:
    return Containers(Api(docker.host), docker.label)
