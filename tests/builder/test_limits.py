"""What an API asks of RUN steps is refused before the build begins."""

import pytest

from sampan.builder.limits import checked
from sampan.builder.options import BuildOptions
from sampan.errors import Invalid


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"Memory": "1"}, "cannot unmarshal string"),
        ({"Memory": 10**30}, "cannot unmarshal number"),
        ({"memory": 1.5}, "cannot unmarshal number"),
        ({"ShmSize": 10**30}, "cannot unmarshal number"),
        ({"CpuShares": True}, "cannot unmarshal bool"),
        ({"Ulimits": [1]}, "cannot unmarshal number"),
        ({"Ulimits": {}}, "cannot unmarshal object"),
        ({"CpusetCpus": [0]}, "cannot unmarshal array"),
        ({"CpusetCpus": "0\0"}, "characters that do not belong"),
    ],
)
def test_limits_of_the_wrong_type_are_refused(config: dict[str, object], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        checked(BuildOptions(host_config=config))


@pytest.mark.parametrize("text", ["a\0b", "a\n6.6.6.6 other:1.2.3.4", "a\x1b[2J:1.2.3.4"])
def test_no_text_can_break_out_of_its_line(text: str) -> None:
    with pytest.raises(Invalid):
        checked(BuildOptions(cgroup_parent=text))
    with pytest.raises(Invalid):
        checked(BuildOptions(extra_hosts=(text,)))


def test_what_is_null_counts_as_not_there() -> None:
    assert checked(BuildOptions(host_config={"Memory": None, "ShmSize": 1 << 26})).host_config == {
        "ShmSize": 1 << 26
    }
