"""A distribution in a container, from its own archive and through NAT to it."""

from collections.abc import Iterator

import pytest

from tests.support.client import Client
from tests.support.engine import Engine, Sampand


@pytest.fixture(scope="module")
def debian(engine: Engine, sampan_client: Client) -> Iterator[str]:
    assert "debian" in sampan_client.ok("image", "bootstrap", "debian", timeout=300)
    yield "debian"
    sampan_client.ok("rmi", "-f", "debian:latest")


def test_packages_are_installed_through_nat(own: Sampand, docker: Client, debian: str) -> None:
    quiet = "-o Dpkg::Use-Pty=0 -o APT::Update::Error-Mode=any"
    line = (
        f"apt-get update {quiet} >&2 && apt-get install -y --no-install-recommends {quiet} hello >&2 && hello"
    )
    shown = docker.ok("run", "--rm", debian, "sh", "-c", line, timeout=300)
    assert shown == "Hello, world!"
