"""`--change`: what each instruction does to the config. Every row was asked of Docker 26."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.builder.plan.changes import apply_changes
from sampan.errors import Invalid
from sampan.images.config import empty_container_config


def shown(config: Any) -> dict[str, Any]:
    return {name: value for name, value in config.items() if value not in (None, "", False, [])}


TAKEN: list[tuple[str, dict[str, Any]]] = [
    (
        "ENV A=1\nENV B=$A-${A}x C=${D:-d} E=${A:+e} F='$A' G=\\$A H=\"$A b\"",
        {"Env": ["A=1", "B=1-1x", "C=d", "E=e", "F=$A", "G=$A", "H=1 b"]},
    ),
    ('ENV A=1\nLABEL x=$A y="a b" "k k"=v', {"Env": ["A=1"], "Labels": {"k k": "v", "x": "1", "y": "a b"}}),
    ("ENV A=1\nUSER $A", {"Env": ["A=1"], "User": "1"}),
    ("ENV A=1\nWORKDIR /$A/b\nWORKDIR ../c", {"Env": ["A=1"], "WorkingDir": "/1/c"}),
    ("ENV P=80\nEXPOSE $P 90/udp", {"Env": ["P=80"], "ExposedPorts": {"80/tcp": {}, "90/udp": {}}}),
    (
        'ENV V=/v\nVOLUME $V /w\nVOLUME ["/x y", "$V"]',
        {"Env": ["V=/v"], "Volumes": {"/v": {}, "/w": {}, "/x y": {}}},
    ),
    ("ENV A=1\nCMD echo $A", {"Cmd": ["/bin/sh", "-c", "echo $A"], "Env": ["A=1"]}),
    ("ENV S=SIGINT\nSTOPSIGNAL $S", {"Env": ["S=SIGINT"], "StopSignal": "SIGINT"}),
    ("ENV A=1\nENV A=2 B=3\nENV A $A$B", {"Env": ["A=23", "B=3"]}),
    ("ENV A=$", {"Env": ["A=$"]}),
    ('ENV A=a\\ b C="d\\"e"', {"Env": ["A=a b", 'C=d"e']}),
    ("ENV A 'b c'", {"Env": ["A=b c"]}),
    ("# comment\nENV A=1", {"Env": ["A=1"]}),
    ("ENV A=1 \\\n  B=2", {"Env": ["A=1", "B=2"]}),
    (
        'HEALTHCHECK --interval=5s --timeout=1m --start-period=1h --retries=4 --start-interval=2s CMD a "x"',
        {
            "Healthcheck": {
                "Interval": 5000000000,
                "Retries": 4,
                "StartInterval": 2000000000,
                "StartPeriod": 3600000000000,
                "Test": ["CMD-SHELL", 'a "x"'],
                "Timeout": 60000000000,
            }
        },
    ),
    ('HEALTHCHECK CMD ["a", "b"]', {"Healthcheck": {"Test": ["CMD", "a", "b"]}}),
    ("HEALTHCHECK none", {"Healthcheck": {"Test": ["NONE"]}}),
    ("HEALTHCHECK --interval=0 CMD x", {"Healthcheck": {"Test": ["CMD-SHELL", "x"]}}),
    ("HEALTHCHECK --retries=0 CMD x", {"Healthcheck": {"Test": ["CMD-SHELL", "x"]}}),
    ('ENTRYPOINT ["a"]\nCMD ["b"]', {"Cmd": ["b"], "Entrypoint": ["a"]}),
    ('CMD ["b"]\nENTRYPOINT ["a"]', {"Cmd": ["b"], "Entrypoint": ["a"]}),
    ("CMD ['a']", {"Cmd": ["/bin/sh", "-c", "['a']"]}),
    ("EXPOSE 80/TCP", {"ExposedPorts": {"80/tcp": {}}}),
    ("EXPOSE 1.2.3.4:80:90", {"ExposedPorts": {"90/tcp": {}}}),
    ("EXPOSE 80/", {"ExposedPorts": {"80/tcp": {}}}),
    ("EXPOSE 0", {"ExposedPorts": {"0/tcp": {}}}),
    ("ENV a b=c", {"Env": ["a=b=c"]}),
    ("ONBUILD add . .", {"OnBuild": ["add . ."]}),
    ("STOPSIGNAL -1", {"StopSignal": "-1"}),
    ("STOPSIGNAL RTMAX-1", {"StopSignal": "RTMAX-1"}),
    ("STOPSIGNAL SIGRTMIN", {"StopSignal": "SIGRTMIN"}),
    ("STOPSIGNAL KILL", {"StopSignal": "KILL"}),
    ("WORKDIR a/./b/../c", {"WorkingDir": "/a/c"}),
    ('ENV A="a\\nb" B=a"b"c\'d\'', {"Env": ["A=a\\nb", "B=abcd"]}),
    ("LABEL a=\"b\" c='d e' f=g\\ h", {"Labels": {"a": "b", "c": "d e", "f": "g h"}}),
    ("CMD", {"Cmd": ["/bin/sh", "-c"]}),
    ("ENTRYPOINT x y", {"Entrypoint": ["/bin/sh", "-c", "x y"]}),
    ("EXPOSE 80-82/udp 90", {"ExposedPorts": {"80/udp": {}, "81/udp": {}, "82/udp": {}, "90/tcp": {}}}),
    ("USER a b", {"User": "a b"}),
    ("onbuild run x  y", {"OnBuild": ["run x  y"]}),
]


@pytest.mark.parametrize(("change", "result"), TAKEN, ids=[row[0] for row in TAKEN])
def test_a_change_is_taken(change: str, result: dict[str, Any]) -> None:
    assert shown(apply_changes(empty_container_config(), [change])) == result


REFUSED = [
    ("ENV A ${B", 'failed to process "${B": unsupported modifier (�) in substitution'),
    ("ENV A=${B:?oops}", 'failed to process "${B:?oops}": B: oops'),
    ("ENV A=${B?}", 'failed to process "${B?}": B: is not allowed to be unset'),
    ("HEALTHCHECK --interval=-1s CMD x", 'Interval "interval" cannot be less than 1ms'),
    ("HEALTHCHECK --retries=-1 CMD x", "--retries cannot be negative (-1)"),
    ("HEALTHCHECK CMD []", "Missing command after HEALTHCHECK CMD"),
    ('CMD ["a", 1]', "when using JSON array syntax, arrays must be comprised of strings only"),
    ("run x", "run is not a valid change command"),
    ("env", "ENV requires at least one argument"),
    ("LABEL", "LABEL requires at least one argument"),
    ("LABEL a", "LABEL must have two arguments"),
    ("ENV a=b c=d e", 'Syntax error - can\'t find = in "e". Must be of the form: name=value'),
    ("ENV =", "ENV names can not be blank"),
    ("VOLUME []", "VOLUME requires at least one argument"),
    ('VOLUME ["a", ""]', "VOLUME specified can not be an empty string"),
    ("ONBUILD maintainer x", "MAINTAINER isn't allowed as an ONBUILD trigger"),
    ("STOPSIGNAL 0", "invalid signal: 0"),
    ("STOPSIGNAL SIGRTMIN+99", "invalid signal: SIGRTMIN+99"),
    ("ENV A=b#c # d", 'Syntax error - can\'t find = in "#". Must be of the form: name=value'),
    ("MAINTAINER x", "MAINTAINER is not a valid change command"),
    ("ENV a", "ENV must have two arguments"),
    ("ENV =b", "ENV names can not be blank"),
    ("EXPOSE 80/foo", "Invalid proto: foo"),
    ("EXPOSE 1:2:3", "Invalid ip address: 1"),
    ("EXPOSE", "EXPOSE requires at least one argument"),
    ("STOPSIGNAL nope", "invalid signal: nope"),
    ("USER", "USER requires exactly one argument"),
    ("HEALTHCHECK foo", 'Unknown type "FOO" in HEALTHCHECK (try CMD)'),
    ("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"),
    ("HEALTHCHECK --interval=1us CMD x", 'Interval "interval" cannot be less than 1ms'),
    ("HEALTHCHECK --foo=1 CMD x", "unknown flag: foo"),
    ("HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"),
    ("ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"),
    ("ONBUILD ONBUILD x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"),
    ("SHELL x", "SHELL is not a valid change command"),
    ("FOO x", "FOO is not a valid change command"),
    ("HEALTHCHECK --interval=x CMD x", 'time: invalid duration "x"'),
    (
        'ENV a="b',
        'failed to process "\\"b": unexpected end of statement while looking for matching double-quote',
    ),
]


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_bad_change_is_refused_in_dockers_words(change: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        apply_changes(empty_container_config(), [change])
    assert caught.value.message == message


def test_a_new_entrypoint_drops_the_inherited_command() -> None:
    config = empty_container_config()
    config["Cmd"] = ["old"]
    changed = apply_changes(config, ['ENTRYPOINT ["new"]'])
    assert (changed["Cmd"], changed["Entrypoint"], config["Cmd"]) == (None, ["new"], ["old"])


def test_changes_add_to_what_the_image_has() -> None:
    config = apply_changes(empty_container_config(), ["ENV PATH=/bin", "LABEL a=1", "EXPOSE 80", "VOLUME /v"])
    again = apply_changes(config, ["ENV PATH=$PATH:/x", "LABEL b=2", "EXPOSE 81", "VOLUME /w"])
    assert again["Env"] == ["PATH=/bin:/x"] and again["Labels"] == {"a": "1", "b": "2"}
    assert set(again["ExposedPorts"]) == {"80/tcp", "81/tcp"} and set(again["Volumes"] or ()) == {"/v", "/w"}
    assert config["Labels"] == {"a": "1"}


@given(st.text(max_size=30))
def test_any_line_is_taken_or_refused(text: str) -> None:
    for name in ("ENV", "LABEL", "EXPOSE", "HEALTHCHECK", "USER", "VOLUME", "STOPSIGNAL", ""):
        try:
            apply_changes(empty_container_config(), [f"{name} {text}"])
        except Invalid:
            pass
