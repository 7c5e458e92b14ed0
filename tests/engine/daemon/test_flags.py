"""sampand's command line and daemon.json, against what dockerd answers to the same."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sampan.engine.daemon import configfile
from sampan.engine.daemon.config import OPTIONS, DaemonConfig, parse_host, split_host
from sampan.engine.daemon.flags import UsageError, from_command_line, help_text, parse_command_line
from sampan.errors import Invalid


def load(argv: list[str], document: Any, directory: Path) -> DaemonConfig:
    path = directory / "daemon.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return configfile.load(parse_command_line([*argv, "--config-file", str(path)]))


@pytest.mark.parametrize(
    ("argv", "field", "value"),
    [
        (["--data-root", "/x"], "data_root", "/x"),
        (["--data-root=/x"], "data_root", "/x"),
        (["-H", "unix:///a", "-Htcp://:1", "--host=fd://"], "hosts", ("unix:///a", "tcp://:1", "fd://")),
        (["-D"], "debug", True),
        (["-D=false"], "debug", False),
        (["--debug=true"], "debug", True),
        (["--icc=false"], "icc", False),
        (["-lwarn"], "log_level", "warn"),
        (["-DH", "unix:///a"], "hosts", ("unix:///a",)),
        (["--mtu", "1400"], "mtu", 1400),
        (["--log-opt", "max-size=1m", "--log-opt", "tag=a=b"], "log_opts", {"max-size": "1m", "tag": "a=b"}),
        (["--dns", "1.1.1.1,8.8.8.8", "--dns", "::1"], "dns", ("1.1.1.1", "8.8.8.8", "::1")),
        (["--default-shm-size", "1.5g"], "default_shm_size", 3 << 29),
        (
            ["--default-ulimit", "nofile=10:20"],
            "default_ulimits",
            {"nofile": {"Name": "nofile", "Soft": 10, "Hard": 20}},
        ),
        (
            ["--default-address-pool", "base=10.0.0.0/8,size=24"],
            "default_address_pools",
            (("10.0.0.0/8", 24),),
        ),
        (["--registry-mirror", "https://m.example"], "registry_mirrors", ("https://m.example/",)),
        (["--feature", "a", "--feature", "b=false"], "features", {"a": True, "b": False}),
    ],
)
def test_flags_are_read_as_pflag_does(argv: list[str], field: str, value: Any, tmp_path: Path) -> None:
    assert getattr(load(argv, {}, tmp_path), field) == value


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--bogus"], "unknown flag: --bogus"),
        (["-x"], "unknown shorthand flag: 'x' in -x"),
        (["--mtu"], "flag needs an argument: --mtu"),
        (["-H"], "flag needs an argument: 'H' in -H"),
        (["extra"], '"sampand" accepts no argument(s).'),
        (["--dns", "foo"], 'invalid argument "foo" for "--dns" flag: invalid string being converted to IP'),
        (
            ["--mtu", "abc"],
            'invalid argument "abc" for "--mtu" flag: strconv.ParseInt: parsing "abc": invalid',
        ),
        (["--debug=foo"], 'invalid argument "foo" for "-D, --debug" flag: strconv.ParseBool: parsing "foo"'),
        (["-H", "foo://bar"], "invalid bind address (foo://bar): unsupported proto 'foo'"),
        (["--label", "x"], 'invalid argument "x" for "--label" flag: bad attribute format: x'),
        (["--default-ulimit", "foo=1"], "invalid ulimit type: foo"),
        (["--default-ulimit", "nofile=9:3"], "soft limit must be less than or equal to hard limit: 9 > 3"),
        (["--default-shm-size", "64Q"], "invalid suffix: 'q'"),
        (["--host-gateway-ip", "foo"], 'failed to parse IP: "foo"'),
        (["--default-address-pool", "foo"], "invalid field 'foo' must be a key=value pair"),
        (["--add-runtime", "foo"], "invalid runtime argument: foo"),
        (["--dns-search", "a b"], "a b is not a valid domain"),
        (["--registry-mirror", "foo"], 'invalid mirror: unsupported scheme "" in "foo"'),
        (["--api-cors-header", "*"], "unknown flag: --api-cors-header"),
    ],
)
def test_wrong_flags_are_refused_in_dockerds_words(argv: list[str], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_command_line(argv)
    assert sentence in refused.value.message


@pytest.mark.parametrize(
    ("argv", "document", "sentence"),
    [
        (
            ["-D"],
            {"debug": True},
            "both as a flag and in the configuration file: debug: (from flag: true, from",
        ),
        (
            ["-H", "unix:///x"],
            {"hosts": ["tcp://a:1"]},
            "hosts: (from flag: [unix:///x], from file: [tcp://a:1])",
        ),
        (
            ["--default-ulimit", "nofile=3:4"],
            {"default-ulimits": {"nofile": {"Name": "nofile", "Hard": 10, "Soft": 10}}},
            "(from flag: [nofile=3:4], from file: map[nofile:map[Hard:10 Name:nofile Soft:10]])",
        ),
        (
            [],
            {"nope": 1, "zed": 2},
            "the following directives don't match any configuration option: nope, zed",
        ),
        ([], {"debug": "x"}, "json: cannot unmarshal string into Go struct field Config.debug of type bool"),
        ([], {"mtu": True}, "json: cannot unmarshal bool into Go struct field Config.mtu of type int"),
        (
            [],
            {"log-opts": {"a": 1}},
            "cannot unmarshal number into Go struct field Config.log-opts of type string",
        ),
        (
            [],
            {"log-level": "foo"},
            "merged configuration validation from file and command line flags failed: inval",
        ),
        ([], {"default-runtime": "kata"}, "specified default runtime 'kata' does not exist"),
        (
            ["--add-runtime", "a=/a"],
            {"runtimes": {"b": {"path": "/b"}}},
            "OCI runtimes other than Sampan's own are not supported yet: a, b",
        ),
        ([], {"labels": ["a"]}, "bad attribute format: a"),
        ([], {"labels": ["x=1", "x=2"]}, "conflict labels for x=2 and x=1"),
        ([], {"dns": ["a"]}, "invalid IP address: a"),
        (
            [],
            {"default-ipc-mode": "foo"},
            'default IPC mode setting (foo) is invalid; use "shareable" or "private"',
        ),
        ([], {"default-cgroupns-mode": "foo"}, 'mode (foo) is invalid; use "host" or "private"'),
        ([], {"max-concurrent-downloads": -1}, "invalid max concurrent downloads: -1"),
        ([], {"default-shm-size": "64Q"}, "invalid suffix: 'q'"),
        ([], {"authorization-plugins": ["a"]}, "authorization plugins are not supported"),
        ([], {"storage-driver": "btrfs"}, "driver not supported: btrfs"),
        ([], {"log-driver": "syslog"}, "no log driver named 'syslog' is registered"),
        ([], {"exec-opts": ["foo=bar"]}, "invalid exec-opt: foo=bar"),
        ([], {"storage-opts": ["sampan.layers=zip"]}, "invalid storage-opt: sampan.layers=zip"),
        (["--storage-opt", "overlay2.size=10G"], {}, "Storage Option overlay2.size not supported."),
        (["--storage-opt", "dm.fs=ext4"], {}, "invalid storage-opt: dm.fs=ext4"),
        ([], {"userns-remap": "default"}, "userns-remap is not supported"),
        ([], {"bip": "10.0.0.1/24", "bridge": "br0"}, "-b & --bip, mutually exclusive"),
        ([], "{bad", "unable to configure the daemon with file"),
        ([], "[1]", "the file must hold one JSON object"),
        ([], '{"debug":true} {}', "invalid JSON"),
    ],
)
def test_wrong_files_are_refused(argv: list[str], document: Any, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        load(argv, document, tmp_path)
    assert sentence in refused.value.message


@pytest.mark.parametrize("document", ["", "  \n", {}, {"debug": True}, "\ufeff{}"])
def test_harmless_files_are_accepted(document: Any, tmp_path: Path) -> None:
    assert load([], document, tmp_path).debug is (document == {"debug": True})


def test_a_named_file_must_exist_the_default_one_need_not(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no such file or directory"):
        configfile.load(parse_command_line(["--config-file", str(tmp_path / "none")]))


def test_keys_without_effect_are_told(tmp_path: Path) -> None:
    config = load([], {"userland-proxy": False, "proxies": {"http-proxy": "http://p"}}, tmp_path)
    assert config.http_proxy == "http://p"
    assert any("userland-proxy" in warning for warning in config.warnings)


@pytest.mark.parametrize(
    "argv",
    [["--selinux-enabled"], ["--metrics-addr", ":1"], ["--live-restore=false"], ["--cpu-rt-period", "1"]],
)
def test_settings_that_change_nothing_are_told(argv: list[str], tmp_path: Path) -> None:
    (warning,) = load(argv, {}, tmp_path).warnings
    assert argv[0].strip("-").partition("=")[0] in warning


@pytest.mark.parametrize(
    ("text", "tls", "full"),
    [
        ("unix:///a", False, "unix:///a"),
        ("", False, "unix:///run/sampan.sock"),
        ("tcp://", False, "tcp://localhost:2375"),
        ("tcp://", True, "tcp://localhost:2376"),
        ("tcp://:99", False, "tcp://localhost:99"),
        ("1.2.3.4:5", False, "tcp://1.2.3.4:5"),
        ("1.2.3.4", False, "tcp://1.2.3.4:2375"),
        ("tcp://[::1]:5", False, "tcp://[::1]:5"),
        ("tcp://[::1]", False, "tcp://[::1]:2375"),
        ("fd://", False, "fd://"),
    ],
)
def test_hosts_are_completed(text: str, tls: bool, full: str) -> None:
    assert parse_host(text, tls=tls) == full


@pytest.mark.parametrize("text", ["foo://x", "tcp://a/b", "tcp://::1", "tcp://a:b", "tcp://a:99999"])
def test_wrong_hosts_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="invalid bind address"):
        parse_host(text)


def test_a_host_is_split_for_listening() -> None:
    assert split_host("tcp://[::1]:5") == ("tcp", "::1", 5)
    assert split_host("unix:///a:b") == ("unix", "/a:b", 0)


def test_reload_takes_over_only_what_may_change(tmp_path: Path) -> None:
    config = load(["--mtu", "1400"], {"labels": ["a=1"]}, tmp_path)
    (tmp_path / "daemon.json").write_text(json.dumps({"debug": True, "labels": ["a=2"], "bip": "10.0.0.1/8"}))
    fresh = configfile.reload(config)
    assert (fresh.debug, fresh.labels, fresh.bip, fresh.mtu) == (True, ("a=2",), "", 1400)


def test_reload_refuses_what_is_a_flag_already(tmp_path: Path) -> None:
    config = load(["-D"], {}, tmp_path)
    (tmp_path / "daemon.json").write_text('{"debug": false}')
    with pytest.raises(Invalid, match="both as a flag"):
        configfile.reload(config)


def test_help_names_every_option() -> None:
    text = help_text()
    for option in OPTIONS:
        assert f"--{option.flag}" in text, option.flag
    assert "--data-root string" in text and '(default "/var/lib/sampan")' in text


def test_tls_files_default_to_the_certificate_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "DOCKER_CERT_PATH", "/certs")
    config = load(["--tlsverify"], {}, tmp_path)
    assert (config.use_tls, config.tlscacert, config.tlskey) == (True, "/certs/ca.pem", "/certs/key.pem")


@pytest.mark.parametrize(
    ("argv", "code", "sentence"),
    [
        (["--version"], 0, "Sampan version "),
        (["-v"], 0, "Sampan version "),
        (["--help"], 0, "Usage:  sampand [OPTIONS]"),
        (["--validate", "--config-file", "FILE"], 0, "configuration OK"),
        (
            ["--validate", "--config-file", "FILE", "-H", "tcp://a/b"],
            125,
            "should not contain a path element",
        ),
        (["--nope"], 125, "See 'sampand --help'."),
        (["--config-file", "/nonexistent"], 1, "no such file or directory"),
        (["--validate", "--tlsverify", "--tlscert", "/none"], 1, "Could not load X509 key pair"),
    ],
)
def test_what_prints_and_exits(
    argv: list[str], code: int, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "d.json").write_text("{}")
    with pytest.raises(SystemExit) as left:
        from_command_line([str(tmp_path / "d.json") if word == "FILE" else word for word in argv])
    assert left.value.code == code
    printed = capsys.readouterr()
    assert sentence in printed.out + printed.err
