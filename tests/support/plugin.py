"""Fixtures used by more than one part's tests."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import leftovers, rootfs
from tests.support.api import Api
from tests.support.client import LABEL, Client
from tests.support.engine import DATA_PARENT, Engine, RunningEngine, Sampand, sampan_program
from tests.support.poll import until

IMAGE = "sampan-test"


@dataclass
class Session:
    """Names made in this run start with `prefix`: what still carries it at the end was left by a test."""

    prefix: str = field(default_factory=lambda: f"t{secrets.token_hex(3)}")
    count: int = 0

    def unique(self, what: str = "") -> str:
        self.count += 1
        return f"{self.prefix}-{what}{self.count}"


@pytest.fixture(scope="session")
def session() -> Session:
    return Session()


@pytest.fixture
def unique(session: Session) -> str:
    """A name nobody else uses; add to it for more."""
    return session.unique()


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest, session: Session) -> Iterator[Engine]:
    target: str = request.config.getoption("--engine")
    if target != "sampan":
        kind, _, host = target.partition(":")
        running = RunningEngine(kind, host)
        yield running
        remove_labelled(running.api, session.prefix)
        return
    before = leftovers.Host.now()
    own = Sampand()
    own.start()
    keep = request.config.getoption("--keep")
    try:
        yield own
        if not own.running:
            own.start()
        found = leavings(own, before)
    finally:
        if own.running:
            own.kill()
        if not keep:
            own.erase()
    assert found == [], "left behind:\n" + "\n".join(found)


def leavings(own: Sampand, before: leftovers.Host) -> list[str]:
    """Remove everything through the API, stop the engine, and list what is still there."""
    api = own.api
    found = [f"container {c['Names']}" for c in api.get("/containers/json", all=1).json]
    for container in api.get("/containers/json", all=1).json:
        api.delete(f"/containers/{container['Id']}", force=1, v=1)
    for network in api.get("/networks").json:
        if network["Name"] not in ("bridge", "host", "none"):
            found.append(f"network {network['Name']}")
            api.delete(f"/networks/{network['Id']}")
    for volume in api.get("/volumes").json["Volumes"] or []:
        found.append(f"volume {volume['Name']}")
        api.delete(f"/volumes/{volume['Name']}", force=1)
    for image in api.get("/images/json", all=1).json:
        api.delete(f"/images/{image['Id']}", force=1)
    # The build cache is there to stay, so it is no leftover.
    api.post("/build/prune", all=1)

    def disk() -> list[str]:
        return leftovers.files(
            own.data, "containers", "layers", "volumes", "tmp", "trash", "content/blobs/sha256"
        )

    def kernel() -> list[str]:
        return [
            *leftovers.Host.now().added_since(before),
            *leftovers.processes(own.token),
            *leftovers.cgroups(own.token),
        ]

    found += settled(disk)
    own.terminate()
    found += settled(kernel)
    return found


def settled(look: Callable[[], list[str]], seconds: float = 10) -> list[str]:
    """What `look` still finds after it had time to become empty."""
    try:
        until(lambda: not look(), "nothing left", seconds=seconds, every=0.1)
    except AssertionError:
        return look()
    return []


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    """The suite's base image, imported once; CMD is sh."""
    if not any(f"{IMAGE}:latest" in (i["RepoTags"] or []) for i in engine.api.get("/images/json").json):
        answer = engine.api.request(
            "POST", "/images/create", rootfs.tar(), fromSrc="-", repo=IMAGE, changes='CMD ["sh"]'
        )
        assert answer.status == 200, answer.body
    return IMAGE


@pytest.fixture(scope="session")
def config_directory(tmp_path_factory: pytest.TempPathFactory) -> str:
    """DOCKER_CONFIG of the clients: nothing of the user's own settings may show."""
    return str(tmp_path_factory.mktemp("docker-config"))


def docker_program() -> list[str]:
    found = shutil.which("docker")
    if not found:
        if os.environ.get("CI") == "true":
            pytest.fail("no docker client here (make packages)")
        pytest.skip("no docker client here (make packages)")
    return [found]


@pytest.fixture(scope="session")
def docker_client(engine: Engine, session: Session, config_directory: str) -> Client:
    return Client(docker_program(), engine.host, session.prefix, config_directory)


@pytest.fixture(scope="session")
def sampan_client(engine: Engine, session: Session, config_directory: str) -> Client:
    return Client(sampan_program(), engine.host, session.prefix, config_directory)


@pytest.fixture
def docker(docker_client: Client, session: Session, image: str, engine: Engine) -> Iterator[Client]:
    """The stock docker binary; what the test made is removed after it."""
    yield docker_client
    remove_labelled(engine.api, session.prefix)


@pytest.fixture
def cli(
    request: pytest.FixtureRequest, client_name: str, session: Session, image: str, engine: Engine
) -> Iterator[Client]:
    """Each of the two command lines in turn."""
    yield request.getfixturevalue(f"{client_name}_client")
    remove_labelled(engine.api, session.prefix)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "client_name" in metafunc.fixturenames:
        chosen: str = metafunc.config.getoption("--client")
        metafunc.parametrize("client_name", ["docker", "sampan"] if chosen == "both" else [chosen])


@pytest.fixture
def api(engine: Engine, image: str, session: Session) -> Iterator[Api]:
    yield engine.api
    remove_labelled(engine.api, session.prefix)


@pytest.fixture
def own(engine: Engine) -> Sampand:
    """The engine, where the test must stop, kill or look inside it."""
    if not isinstance(engine, Sampand):
        pytest.skip("only with a sampand that the suite started")
    return engine


@pytest.fixture
def directory(request: pytest.FixtureRequest, session: Session) -> Iterator[Path]:
    """A directory with the same path for the test and for the engine, which any user may enter."""
    path = DATA_PARENT / f"{session.prefix}-{secrets.token_hex(3)}"
    root: str = request.config.getoption("--engine-root")
    made = Path(f"{root}{path}")
    made.mkdir(parents=True, mode=0o755)
    if root:
        path.symlink_to(made)
    yield path
    shutil.rmtree(made)
    if root:
        path.unlink()


def remove_labelled(api: Api, prefix: str) -> None:
    """Remove what this session made: containers, networks, volumes and tagged images, in that order."""
    label = {"label": [f"{LABEL}={prefix}"]}
    for container in api.get("/containers/json", all=1, filters=label).json:
        api.delete(f"/containers/{container['Id']}", force=1, v=1)
    for network in api.get("/networks", filters={"type": ["custom"]}).json:
        if network["Name"].startswith(prefix) or network.get("Labels", {}).get(LABEL) == prefix:
            api.delete(f"/networks/{network['Id']}")
    for volume in api.get("/volumes").json["Volumes"] or []:
        if volume["Name"].startswith(prefix) or (volume.get("Labels") or {}).get(LABEL) == prefix:
            api.delete(f"/volumes/{volume['Name']}", force=1)
    for picture in api.get("/images/json").json:
        for name in [*(picture["RepoTags"] or []), *(picture["RepoDigests"] or [])]:
            if f"/{name}".find(f"/{prefix}") >= 0:
                api.delete(f"/images/{name}", force=1)
