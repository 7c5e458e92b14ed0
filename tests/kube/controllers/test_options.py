"""The command line of the controllers' process, and what of it `sampan kube up` hands on."""

import argparse
from pathlib import Path

import pytest

from sampan.kube.api import controloptions
from sampan.kube.controllers import options
from sampan.kube.controllers.context import Options
from tests.support.cluster import ClusterProcess

NEEDED = ["--server", "https://h:1", "--ca", "a", "--certificate", "c", "--key", "k", "--root-ca"]


def told(tmp_path: Path, *words: str) -> Options:
    bundle = tmp_path / "ca.crt"
    bundle.write_text("PEM")
    return options.options(options.parse([*NEEDED, str(bundle), *words]))


def test_defaults_are_upstreams(tmp_path: Path) -> None:
    found = told(tmp_path)
    assert found == Options(bundle="PEM")
    assert (found.node_grace, found.node_startup_grace, found.terminated_pods) == (50, 60, 12_500)
    assert found.cluster_cidrs == () and found.node_masks == (24, 64)
    assert options.parse([*NEEDED, "f"]).leader_elect == "true"


def test_ranges_are_given_out_only_if_asked_for(tmp_path: Path) -> None:
    words = ("--cluster-cidr", "10.0.0.0/16,fd00::/56", "--service-cluster-ip-range", "10.96.0.0/12")
    assert told(tmp_path, *words).cluster_cidrs == ()
    found = told(tmp_path, *words, "--allocate-node-cidrs", "true", "--node-cidr-mask-size-ipv4", "26")
    assert found.cluster_cidrs == ("10.0.0.0/16", "fd00::/56")
    assert (found.node_masks, found.service_cidrs) == ((26, 64), ("10.96.0.0/12",))


def test_durations_are_gos(tmp_path: Path) -> None:
    assert told(tmp_path, "--node-monitor-grace-period", "1m30s").node_grace == 90


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--allocate-node-cidrs", "true"], "--allocate-node-cidrs needs --cluster-cidr"),
        (["--allocate-node-cidrs", "true", "--cluster-cidr", "10.0.0.0/25"], "cannot be cut"),
        (["--allocate-node-cidrs", "true", "--cluster-cidr", "ten"], "'ten' is none"),
        (["--allocate-node-cidrs", "maybe"], "invalid choice"),
        (["--node-monitor-grace-period", "soon"], "invalid duration"),
    ],
)
def test_what_is_wrong_is_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.parse([*NEEDED, "f", *words])
    assert message in capsys.readouterr().err


def test_a_cluster_is_not_started_with_wrong_options(tmp_path: Path) -> None:
    cluster = ClusterProcess(tmp_path)
    for words, message in (
        (["--allocate-node-cidrs", "true"], "--allocate-node-cidrs needs --cluster-cidr"),
        (["--node-monitor-grace-period", "soon"], "--node-monitor-grace-period: "),
    ):
        done = cluster.command("up", "--secure-port", str(cluster.port), *words)
        assert done.returncode == 1 and message in done.stderr


def test_only_what_was_given_is_handed_on() -> None:
    parser = argparse.ArgumentParser()
    controloptions.declare(parser.add_argument)
    assert controloptions.read(parser.parse_args([])) == ()
    given = ["--leader-elect", "false", "--cluster-cidr", "10.0.0.0/16"]
    assert list(controloptions.read(parser.parse_args(given))) == given


def test_the_controllers_know_every_option_that_is_handed_on(tmp_path: Path) -> None:
    values = {"leader-elect": "true", "allocate-node-cidrs": "false", "cluster-cidr": "10.0.0.0/16"}
    words = []
    for name in controloptions.NAMES:
        value = values.get(name, "24" if "mask" in name else "1m" if "period" in name else "7")
        words += [f"--{name}", value]
    assert told(tmp_path, *words).terminated_pods == 7
