"""KubeSchedulerConfiguration: what it makes of the profiles, and what is refused in which words."""

import re
from typing import Any

import pytest

from sampan.errors import Invalid, Unsupported
from sampan.kube.scheduler import configuration, decoding
from sampan.kube.scheduler.configuration import Configuration

HEAD = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"

FILTERS = (
    *("NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit"),
    *("VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone"),
    *("PodTopologySpread", "InterPodAffinity", "DynamicResources"),
)


def read(text: str) -> Configuration:
    return configuration.parse(decoding.parse((HEAD + text).encode()))


def one_profile(plugins: str) -> configuration.Configured:
    (found,) = read(f"profiles: [{{plugins: {plugins}}}]").profiles
    return found


def test_without_a_file_there_is_the_default_profile() -> None:
    config = configuration.default()
    (profile,) = config.profiles
    assert (config.parallelism, config.initial_backoff, config.longest_backoff) == (16, 1.0, 10.0)
    assert profile.name == "default-scheduler"
    assert profile.filters == FILTERS
    assert profile.points["preEnqueue"] == ("SchedulingGates", "DynamicResources", "DefaultPreemption")
    assert profile.points["postFilter"] == ("DynamicResources", "DefaultPreemption")
    assert dict(profile.scores) == {
        "TaintToleration": 3,
        "NodeAffinity": 2,
        "NodeResourcesFit": 1,
        "VolumeBinding": 1,
        "PodTopologySpread": 2,
        "InterPodAffinity": 2,
        "DynamicResources": 1,
        "NodeResourcesBalancedAllocation": 1,
        "ImageLocality": 1,
    }
    assert profile.args["DefaultPreemption"] == {
        "minCandidateNodesPercentage": 10,
        "minCandidateNodesAbsolute": 100,
    }
    assert profile.args["NodeResourcesFit"]["scoringStrategy"] == {
        "type": "LeastAllocated",
        "resources": [{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1}],
    }


@pytest.mark.parametrize(
    ("plugins", "point", "expected"),
    [
        # One is disabled at one point only.
        ("{score: {disabled: [{name: ImageLocality}]}}", "score", {"ImageLocality": None}),
        # A weight of its own replaces the default's.
        ("{score: {enabled: [{name: ImageLocality, weight: 7}]}}", "score", {"ImageLocality": 7}),
        ("{multiPoint: {enabled: [{name: NodeAffinity, weight: 9}]}}", "score", {"NodeAffinity": 9}),
        # "*" at a point leaves what is enabled there.
        (
            '{score: {disabled: [{name: "*"}], enabled: [{name: ImageLocality}]}}',
            "score",
            {"ImageLocality": 1, "NodeAffinity": None, "TaintToleration": None},
        ),
        # Disabled everywhere, enabled at one point.
        (
            "{multiPoint: {disabled: [{name: NodeAffinity}]}, filter: {enabled: [{name: NodeAffinity}]}}",
            "score",
            {"NodeAffinity": None},
        ),
    ],
)
def test_plugins_are_enabled_and_disabled(plugins: str, point: str, expected: dict[str, Any]) -> None:
    scores = one_profile(plugins).scores
    assert {name: scores.get(name) for name in expected} == expected


def test_plugins_enabled_at_a_point_stand_where_upstream_puts_them() -> None:
    own = one_profile("{filter: {enabled: [{name: NodePorts}]}}")
    assert own.filters == ("NodePorts", *(name for name in FILTERS if name != "NodePorts"))
    last = one_profile(
        "{multiPoint: {disabled: [{name: NodeAffinity}]}, filter: {enabled: [{name: NodeAffinity}]}}"
    )
    assert last.filters == (*(name for name in FILTERS if name != "NodeAffinity"), "NodeAffinity")


def test_profiles_have_their_own_plugins_and_percentage() -> None:
    found = read(
        "percentageOfNodesToScore: 30\n"
        "profiles:\n"
        "- schedulerName: default-scheduler\n"
        "- schedulerName: no-scoring\n"
        "  percentageOfNodesToScore: 0\n"
        '  plugins: {preScore: {disabled: [{name: "*"}]}, score: {disabled: [{name: "*"}]}}\n'
    )
    first, second = found.profiles
    assert (first.percentage, second.percentage) == (30, 0)
    assert first.scores and not second.scores


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo: 1", 'strict decoding error: unknown field "foo"'),
        (
            "foo: 1\nprofiles: [{bar: 2}]",
            'strict decoding error: unknown field "foo", unknown field "profiles[0].bar"',
        ),
        (
            "parallelism: x",
            "json: cannot unmarshal string into Go struct field "
            "KubeSchedulerConfiguration.parallelism of type int32",
        ),
        ("parallelism: 99999999999", "of type int32"),
        ("parallelism: 1\nparallelism: 2", 'line 4: key "parallelism" already set in map'),
        ("parallelism: 0", "parallelism: Invalid value: 0: should be an integer value greater than zero"),
        ("profiles: [null]", "cannot unmarshal null"),
        (
            "percentageOfNodesToScore: 101",
            "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]",
        ),
        (
            "podInitialBackoffSeconds: 5\npodMaxBackoffSeconds: 3",
            "podMaxBackoffSeconds: Invalid value: 3: must be greater than or equal to "
            "PodInitialBackoffSeconds",
        ),
        (
            "profiles: [{schedulerName: a}, {schedulerName: a}]",
            'profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"',
        ),
        ("profiles: [{schedulerName: a}, {}]", "profiles[1].schedulerName: Required value"),
        (
            "profiles: [{plugins: {filter: {enabled: [{name: Foo}]}}}]",
            "initializing profiles: creating profile for scheduler name default-scheduler: "
            'FilterPlugin "Foo" does not exist',
        ),
        (
            "profiles: [{plugins: {multiPoint: {enabled: [{name: Foo}]}}}]",
            'PreEnqueuePlugin "Foo" does not exist',
        ),
        (
            "profiles: [{plugins: {filter: {enabled: [{name: ImageLocality}]}}}]",
            'plugin "ImageLocality" does not extend FilterPlugin plugin',
        ),
        (
            "profiles: [{plugins: {score: {enabled: [{name: NodeAffinity}, {name: NodeAffinity}]}}}]",
            'plugin "NodeAffinity" already registered as "ScorePlugin"',
        ),
        (
            'profiles: [{plugins: {bind: {disabled: [{name: "*"}]}}}]',
            'at least one bind plugin is needed for profile with scheduler name "default-scheduler"',
        ),
        (
            "profiles: [{plugins: {filter: {enabled: [{name: EBSLimits}]}}}]",
            'profiles[0].plugins.filter.enabled[0]: Invalid value: "EBSLimits": was invalid in version '
            '"kubescheduler.config.k8s.io/v1" (KubeSchedulerConfiguration is version '
            '"kubescheduler.config.k8s.io/v1")',
        ),
        (
            "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {foo: 1}}]}]",
            "decoding .profiles[0].pluginConfig[0]: decoding args for plugin NodeResourcesFit: "
            'strict decoding error: unknown field "foo"',
        ),
        (
            "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {kind: Foo}}]}]",
            "args for plugin NodeResourcesFit were not of type "
            "NodeResourcesFitArgs.kubescheduler.config.k8s.io, got Foo",
        ),
        ("profiles: [{pluginConfig: [{name: Foo}]}]", 'plugin "Foo" does not exist'),
        (
            "profiles: [{pluginConfig: [{name: InterPodAffinity, args: {hardPodAffinityWeight: 101}}]}]",
            "profiles[0].pluginConfig[0].args.hardPodAffinityWeight: Invalid value: 101: "
            "not in valid range [0, 100]",
        ),
        (
            "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: Most}}}]}]",
            'scoringStrategy.type: Unsupported value: "Most": supported values: "LeastAllocated", '
            '"MostAllocated", "RequestedToCapacityRatio"',
        ),
        (
            "profiles: [{pluginConfig: [{name: PodTopologySpread, "
            "args: {defaultConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]}}]}]",
            'defaultingType: Invalid value: "System": when .defaultConstraints are not empty',
        ),
        (
            "profiles: [{pluginConfig: [{name: DefaultPreemption, "
            "args: {minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0}}]}]",
            "cannot be zero at the same time as minCandidateNodesAbsolute",
        ),
        ("profiles: [{pluginConfig: [{name: VolumeBinding, args: {bindTimeoutSeconds: -1}}]}]", "negative"),
        ("leaderElection: {leaseDuration: soon}", 'time: invalid duration "soon"'),
    ],
)
def test_what_is_wrong_is_refused(text: str, message: str) -> None:
    with pytest.raises(Invalid, match=re.escape(message)):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "extenders: [{urlPrefix: 'http://127.0.0.1/'}]",
        "enableProfiling: true",
        "clientConnection: {qps: 5}",
        "clientConnection: {kubeconfig: /etc/kubeconfig}",
        "leaderElection: {leaseDuration: 30s}",
    ],
)
def test_what_is_not_done_is_refused_by_name(text: str) -> None:
    with pytest.raises(Unsupported, match="is not offered"):
        read(text)


@pytest.mark.parametrize(
    "text", ["[]", "kind: Pod\napiVersion: v1", "kind: KubeSchedulerConfiguration", "a: [", "1"]
)
def test_another_document_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        configuration.parse(decoding.parse(text.encode()))
