"""Option values become what the API wants, or are refused in Docker's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.cli.errors import CliError
from sampan.cli.image import reference
from sampan.cli.opts import csv, values
from sampan.cli.opts.device import is_cdi, parse_device
from sampan.cli.opts.files import environment_lines, label_lines, security_options
from sampan.cli.opts.gpu import parse_gpus
from sampan.cli.opts.mount import parse_mount
from sampan.cli.opts.network import parse_network
from sampan.cli.opts.ports import parse_exposed, parse_ports
from sampan.cli.times import timestamp
from sampan.errors import Invalid
from sampan.specs.docker import ulimits


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("dst=/x", {"Type": "volume", "Target": "/x"}),
        (
            "type=bind,src=/a,dst=/x,readonly,bind-propagation=rshared",
            {
                "Type": "bind",
                "Source": "/a",
                "Target": "/x",
                "ReadOnly": True,
                "BindOptions": {"Propagation": "rshared"},
            },
        ),
        (
            "type=volume,source=v,target=/x,volume-nocopy,volume-label=a=b,volume-driver=d,volume-opt=c=d",
            {
                "Type": "volume",
                "Source": "v",
                "Target": "/x",
                "VolumeOptions": {
                    "NoCopy": True,
                    "Labels": {"a": "b"},
                    "DriverConfig": {"Name": "d", "Options": {"c": "d"}},
                },
            },
        ),
        (
            "type=tmpfs,dst=/x,tmpfs-size=10m,tmpfs-mode=1770",
            {"Type": "tmpfs", "Target": "/x", "TmpfsOptions": {"SizeBytes": 10485760, "Mode": 0o1770}},
        ),
        (
            'type=volume,dst=/x,"volume-opt=o=a,b"',
            {"Type": "volume", "Target": "/x", "VolumeOptions": {"DriverConfig": {"Options": {"o": "a,b"}}}},
        ),
        (
            "type=bind,src=/a,dst=/x,ro,bind-recursive=readonly,bind-propagation=rprivate",
            {
                "Type": "bind",
                "Source": "/a",
                "Target": "/x",
                "ReadOnly": True,
                "BindOptions": {"ReadOnlyForceRecursive": True, "Propagation": "rprivate"},
            },
        ),
    ],
)
def test_mounts(text, mount):
    assert parse_mount(text) == mount


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "EOF"),
        ("x", "invalid field 'x' must be a key=value pair"),
        ("type=bind,src=/a", "target is required"),
        ("dst=/x,foo=bar", "unexpected key 'foo' in 'foo=bar'"),
        ("dst=/x,ro=maybe", "invalid value for ro: maybe"),
        ("type=tmpfs,dst=/x,volume-nocopy", "cannot mix 'volume-*' options with mount type 'tmpfs'"),
        ("type=bind,dst=/x,tmpfs-size=1", "cannot mix 'tmpfs-*' options with mount type 'bind'"),
        ("type=tmpfs,dst=/x,tmpfs-mode=9", "invalid value for tmpfs-mode: 9"),
        (
            "type=bind,src=/a,dst=/x,bind-recursive=readonly",
            "option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction",
        ),
        ('a"b', 'parse error on line 1, column 2: bare " in non-quoted-field'),
    ],
)
def test_bad_mounts(text, message):
    with pytest.raises(ValueError) as caught:
        parse_mount(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("specs", "bindings"),
    [
        (["80"], {"80/tcp": [("", "")]}),
        (["8080:80"], {"80/tcp": [("", "8080")]}),
        (["127.0.0.1:8080:80/udp"], {"80/udp": [("127.0.0.1", "8080")]}),
        (["127.0.0.1::80"], {"80/tcp": [("127.0.0.1", "")]}),
        (["[::1]:90:91"], {"91/tcp": [("::1", "90")]}),
        (["8000-8001:90-91"], {"90/tcp": [("", "8000")], "91/tcp": [("", "8001")]}),
        (["100-102:80"], {"80/tcp": [("", "100-102")]}),
        (["1:80", "2:80"], {"80/tcp": [("", "1"), ("", "2")]}),
        (["published=80,target=90,protocol=udp"], {"90/udp": [("", "80")]}),
    ],
)
def test_published_ports(specs, bindings):
    exposed, found = parse_ports(specs)
    assert {p: [(b["HostIp"], b["HostPort"]) for b in bound] for p, bound in found.items()} == bindings
    assert set(exposed) == set(bindings)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "no port specified: <empty>"),
        ("80:", "no port specified: 80:<empty>"),
        ("x", "invalid containerPort: x"),
        ("99999:80", "invalid hostPort: 99999"),
        ("80/foo", "invalid proto: foo"),
        ("1.2.3:80:80", "invalid IP address: 1.2.3"),
        ("1:2:3:4:5", "invalid IP address: 1:2:3"),
        ("80-82:90-91", "invalid ranges specified for container and host Ports: 90-91 and 80-82"),
    ],
)
def test_bad_ports(spec, message):
    with pytest.raises(CliError) as caught:
        parse_ports([spec])
    assert caught.value.message == message


def test_exposed_ports():
    assert set(parse_exposed(["80", "90-91/udp"])) == {"80/tcp", "90/udp", "91/udp"}
    with pytest.raises(CliError, match="invalid range format for --expose: 9-3"):
        parse_exposed(["9-3"])


@pytest.mark.parametrize("parser", [parse_mount, parse_network, parse_gpus, csv.fields])
@given(text=st.text('abc=,"-:/1 ', max_size=20))
def test_hostile_values_only_raise_value_errors(parser, text):
    try:
        parser(text)
    except ValueError:
        pass


@given(st.lists(st.text('ab",= ', min_size=1), min_size=1, max_size=5))
def test_csv_reads_what_csv_writes(fields):
    import csv as real
    import io

    out = io.StringIO()
    real.writer(out, quoting=real.QUOTE_ALL).writerow(fields)
    assert csv.fields(out.getvalue().rstrip("\r\n")) == fields


def test_network_in_the_long_form():
    found = parse_network("name=Net,alias=A,alias=b,ip=1.2.3.4,driver-opt=k=v,gw-priority=-2")
    assert (found.target, found.aliases, found.ipv4) == ("net", ["a", "b"], "1.2.3.4")
    assert (found.driver_opts, found.priority) == ({"k": "v"}, -2)
    assert parse_network("Plain").target == "Plain"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name=a,x=y", "invalid field key x"),
        ("ip=1.2.3.4", "network name/id is not specified"),
        ("name=a,driver-opt=x", "invalid key value pair format in driver options"),
        ("name=a,gw-priority=x", "invalid gw-priority (x): invalid syntax"),
    ],
)
def test_bad_networks(text, message):
    with pytest.raises(ValueError) as caught:
        parse_network(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("function", "text", "value"),
    [
        (ulimits.parse, "nofile=10:20", {"Name": "nofile", "Soft": 10, "Hard": 20}),
        (ulimits.parse, "core=-1", {"Name": "core", "Soft": -1, "Hard": -1}),
        (values.nano_cpus, "1.5", 1_500_000_000),
        (values.nano_cpus, "3/2", 1_500_000_000),
        (values.nano_cpus, ".25", 250_000_000),
        (values.memory_swap, "-1", -1),
        (values.extra_host, "a=1.1.1.1", "a:1.1.1.1"),
        (values.extra_host, "a:[::1]", "a:::1"),
        (values.extra_host, "a:host-gateway", "a:host-gateway"),
        (values.weight_device, "/dev/a:10", {"Path": "/dev/a", "Weight": 10}),
        (values.throttle_bytes, "/dev/a:1m", {"Path": "/dev/a", "Rate": 1048576}),
        (values.throttle_count, "/dev/a:5", {"Path": "/dev/a", "Rate": 5}),
        (values.dns_search, ".", "."),
        (values.cgroup_rule, "c 1:* rwm", "c 1:* rwm"),
        (values.filter_pair, "Name= x ", [("name", "x")]),
        (values.filter_pair, "", []),
    ],
)
def test_values(function, text, value):
    assert function(text) == value


@pytest.mark.parametrize(
    ("function", "text", "message"),
    [
        (ulimits.parse, "x", "invalid ulimit argument: x"),
        (ulimits.parse, "a=1", "invalid ulimit type: a"),
        (ulimits.parse, "nofile=2:1", "ulimit soft limit must be less than or equal to hard limit: 2 > 1"),
        (values.nano_cpus, "x", "failed to parse x as a rational number"),
        (values.nano_cpus, "1/0", "failed to parse 1/0 as a rational number"),
        (values.nano_cpus, "0.0000000001", "value is too precise"),
        (values.extra_host, "a:x", 'invalid IP address in add-host: "x"'),
        (values.extra_host, "x", 'bad format for add-host: "x"'),
        (values.weight_device, "/dev/a:5", "invalid weight for device: /dev/a:5"),
        (values.dns_search, "a b", "a b is not a valid domain"),
        (values.sysctl, "vm.x=1", "sysctl 'vm.x=1' is not allowed"),
        (values.cgroup_rule, "x", "invalid device cgroup format 'x'"),
        (values.environment, "=x", "invalid environment variable: =x"),
        (values.label, "=x", "invalid label '=x': empty name"),
        (values.filter_pair, "x", "bad format of filter (expected name=value)"),
        (values.stream_name, "x", "valid streams are STDIN, STDOUT and STDERR"),
        (values.link, "a:b:c", "bad format for links: a:b:c"),
    ],
)
def test_bad_values(function, text, message):
    with pytest.raises((ValueError, Invalid)) as caught:
        function(text)
    assert str(caught.value) == message


def test_devices():
    assert parse_device("/dev/a:r") == {
        "PathOnHost": "/dev/a",
        "PathInContainer": "/dev/a",
        "CgroupPermissions": "r",
    }
    assert parse_device("/dev/a:/dev/b:rw")["PathInContainer"] == "/dev/b"
    assert is_cdi("vendor.com/device=gpu0") and not is_cdi("/dev/a")
    for bad in ("a:b:c:d", "/dev/a:/dev/b:rr", "foo", ""):
        with pytest.raises(CliError):
            parse_device(bad)


def test_environment_files(tmp_path, monkeypatch):
    path = tmp_path / "env"
    path.write_text("\ufeffA=1\n# comment\n\n  B=x y=z\nFROM_HERE\nNOT_SET\n")
    monkeypatch.setenv("FROM_HERE", "yes")
    monkeypatch.delenv("NOT_SET", raising=False)
    assert environment_lines([str(path)]) == ["A=1", "B=x y=z", "FROM_HERE=yes"]
    assert label_lines([str(path)]) == ["A=1", "B=x y=z"]
    path.write_text("bad name=x\n")
    with pytest.raises(CliError, match="contains whitespaces"):
        environment_lines([str(path)])
    with pytest.raises(CliError, match="open /nope: no such file or directory"):
        environment_lines(["/nope"])


def test_a_seccomp_profile_is_read_here_and_sent_compact(tmp_path):
    path = tmp_path / "profile.json"
    path.write_text('{\n "defaultAction": "SCMP_ACT_ALLOW" }\n')
    assert security_options([f"seccomp={path}", "no-new-privileges", "label:disable"]) == [
        'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}',
        "no-new-privileges",
        "label:disable",
    ]
    with pytest.raises(CliError, match=r"opening seccomp profile \(/nope\) failed"):
        security_options(["seccomp=/nope"])
    with pytest.raises(CliError, match='Invalid --security-opt: "x"'):
        security_options(["x"])


@pytest.mark.parametrize(
    ("name", "short", "full"),
    [
        ("busybox", "busybox:latest", "docker.io/library/busybox"),
        ("docker.io/library/busybox:1", "busybox:1", "docker.io/library/busybox"),
        ("a/b", "a/b:latest", "docker.io/a/b"),
        ("reg.io:5000/a/b:c", "reg.io:5000/a/b:c", "reg.io:5000/a/b"),
        ("localhost/x", "localhost/x:latest", "localhost/x"),
    ],
)
def test_image_names(name, short, full):
    found = reference.named(name)
    assert (found.with_default_tag().familiar, found.name) == (short, full)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("A", "invalid reference format: repository name (library/A) must be lowercase"),
        ("a b", "invalid reference format"),
        ("", "invalid reference format"),
        ("a:" + "x" * 129, "invalid reference format"),
        ("0" * 64, f"invalid repository name ({'0' * 64}), cannot specify 64-byte hexadecimal strings"),
    ],
)
def test_bad_image_names(name, message):
    with pytest.raises(CliError) as caught:
        reference.named(name)
    assert caught.value.message == message


def test_times_for_since_and_until(monkeypatch):
    monkeypatch.setattr("time.time_ns", lambda: 10_000 * 10**9)
    assert timestamp("1h") == "6400.000000000"
    assert timestamp("5") == "5"
    assert timestamp("5.25") == "5.25"
    assert timestamp("2013-01-02T13:23:37Z") == "1357133017.000000000"
    assert timestamp("2013-01-02T13:23:37.5+01:00") == "1357129417.500000000"
    for bad in ("x", "2013-13-99T", ""):
        with pytest.raises(CliError):
            timestamp(bad)
