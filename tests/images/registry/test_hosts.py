"""Mirrors and certificates: hosts.toml, certs.d, registry-mirrors, insecure registries."""

from pathlib import Path

import pytest

from sampan.errors import Invalid
from sampan.http.transport import Tls
from sampan.images.registry.hosts import Endpoint, Hosts, Purpose, check_authority
from sampan.images.registry.hostsfile import find


def write(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


async def apis(hosts: Hosts, domain: str, purpose: Purpose = "pull") -> list[str]:
    return [endpoint.api for endpoint in await hosts.endpoints(domain, purpose)]


async def test_without_files_a_registry_is_itself() -> None:
    assert await apis(Hosts(), "docker.io") == ["https://registry-1.docker.io/v2"]
    assert await apis(Hosts(), "reg.invalid:5000") == ["https://reg.invalid:5000/v2"]


@pytest.mark.parametrize(
    ("insecure", "domain", "expected"),
    [
        ((), "127.0.0.1:5000", True),
        ((), "127.9.9.9", True),
        ((), "localhost:5000", True),
        ((), "[::1]:5000", True),
        ((), "10.1.2.3:5000", False),
        (("10.0.0.0/8",), "10.1.2.3:5000", True),
        (("10.1.2.3:5000",), "10.1.2.3:5000", True),
        (("10.1.2.3:5000",), "10.1.2.3:5001", False),
        (("reg.invalid",), "reg.invalid:5000", True),
        (("0.0.0.0/0",), "docker.io", False),
    ],
)
async def test_what_may_go_without_tls(insecure: tuple[str, ...], domain: str, expected: bool) -> None:
    found = await Hosts(insecure=insecure).endpoints(domain, "pull")
    assert [endpoint.api.partition(":")[0] for endpoint in found] == (
        ["https", "http"] if expected else ["https"]
    )
    assert [endpoint.secure for endpoint in found] == ([False, False] if expected else [True])


async def test_hub_mirrors_come_first_for_pulls_only() -> None:
    hosts = Hosts(mirrors=("https://m.invalid/", "http://127.0.0.1:5000"))
    hub = "https://registry-1.docker.io/v2"
    assert await apis(hosts, "docker.io") == ["https://m.invalid/v2", "http://127.0.0.1:5000/v2", hub]
    assert await apis(hosts, "docker.io", "push") == [hub]
    assert await apis(hosts, "quay.invalid") == ["https://quay.invalid/v2"]


HOSTS_TOML = """
server = "https://registry-1.docker.io"

[host."https://one.invalid"]
  capabilities = ["pull", "resolve"]
  ca = "ca.pem"
  client = [["cert.pem", "/key.pem"]]
  skip_verify = true
  [host."https://one.invalid".header]
    x-token = ["a", "b"]

[host."http://two.invalid/v2/hub"]
  override_path = true
  capabilities = ["push"]

[host."three.invalid:5000"]
"""


async def test_containerds_layout(tmp_path: Path) -> None:
    write(tmp_path, "docker.io/hosts.toml", HOSTS_TOML)
    hosts = Hosts(directories=(tmp_path,))
    hub = "https://registry-1.docker.io/v2"
    assert await apis(hosts, "docker.io") == ["https://one.invalid/v2", "https://three.invalid:5000/v2", hub]
    assert await apis(hosts, "docker.io", "push") == [
        "http://two.invalid/v2/hub",
        "https://three.invalid:5000/v2",
        hub,
    ]
    first = (await hosts.endpoints("docker.io", "pull"))[0]
    assert first == Endpoint(
        "https://one.invalid/v2",
        Tls(
            False,
            (str(tmp_path / "docker.io/ca.pem"),),
            ((str(tmp_path / "docker.io/cert.pem"), "/key.pem"),),
        ),
        (("x-token", "a"), ("x-token", "b")),
        origin=False,
        namespace="docker.io",
    )


@pytest.mark.parametrize(
    ("files", "domain", "mirror"),
    [
        (["a.invalid:5000/hosts.toml"], "a.invalid:5000", "0"),
        (["a.invalid_5000_/hosts.toml"], "a.invalid:5000", "0"),
        (["_default/hosts.toml"], "anything.invalid", "0"),
        (["_default/hosts.toml", "a.invalid/hosts.toml"], "a.invalid", "1"),
        (["a.invalid/hosts.toml"], "b.invalid", None),
        (["a.invalid/hosts.toml"], "a.invalid:5000", None),
    ],
)
def test_which_file_counts(tmp_path: Path, files: list[str], domain: str, mirror: str | None) -> None:
    for number, name in enumerate(files):
        write(tmp_path, name, f'[host."https://m{number}.invalid"]')
    found = [host.url for host in find([tmp_path / "nowhere", tmp_path], domain).mirrors]
    assert found == ([f"https://m{mirror}.invalid"] if mirror else [])


async def test_patterns_in_one_file(tmp_path: Path) -> None:
    write(
        tmp_path,
        "hosts.toml",
        '[registry."*.corp.invalid".host."https://m1.invalid"]\n[registry."*".host."https://m2.invalid"]\n',
    )
    hosts = Hosts(directories=(tmp_path,))
    assert (await apis(hosts, "a.corp.invalid"))[0] == "https://m1.invalid/v2"
    assert (await apis(hosts, "docker.io"))[0] == "https://m2.invalid/v2"
    write(tmp_path, "docker.io/hosts.toml", '[host."https://own.invalid"]')
    assert (await apis(hosts, "docker.io"))[0] == "https://own.invalid/v2"


async def test_dockers_certificates(tmp_path: Path) -> None:
    for name in ("ca.crt", "client.cert", "client.key"):
        write(tmp_path, f"r.invalid:5000/{name}", "")
    endpoint = (await Hosts(directories=(tmp_path,)).endpoints("r.invalid:5000", "pull"))[0]
    directory = tmp_path / "r.invalid:5000"
    assert endpoint.tls == Tls(
        True, (f"{directory}/ca.crt",), ((f"{directory}/client.cert", f"{directory}/client.key"),)
    )
    (directory / "client.key").unlink()
    with pytest.raises(Invalid, match=r"^missing key client\.key for client certificate client\.cert"):
        find([tmp_path], "r.invalid:5000")


@pytest.mark.parametrize(
    "text",
    [
        "server = ",
        "server = 3",
        "host = 3",
        '[host."ftp://x"]',
        '[host."https://x?y"]',
        '[host."https://x"]\ncapabilities = ["fly"]',
        '[host."https://x"]\nca = 3',
        '[host."https://x"]\nclient = [["a", "b", "c"]]',
        '[host."https://x"]\nheader = 3',
    ],
)
def test_broken_files_are_named(tmp_path: Path, text: str) -> None:
    write(tmp_path, "_default/hosts.toml", text)
    with pytest.raises(Invalid, match=r"_default/hosts\.toml: "):
        find([tmp_path], "r.invalid")


def test_names_no_url_can_be_made_of() -> None:
    check_authority("[::1]:5000")
    for name in ("a:99999", "a:0", "me@a"):
        with pytest.raises(Invalid, match="invalid registry host"):
            check_authority(name)
