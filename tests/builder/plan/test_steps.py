"""Steps: their names, what they do, what they depend on."""

import pytest

from sampan.builder.plan.graph import (
    SCRATCH,
    Copy,
    Files,
    GitSource,
    HttpSource,
    ImageSource,
    LocalSource,
    MakeDirectory,
    Plan,
    ResultSource,
    Run,
    WriteFile,
)
from tests.builder.plan.planning import BUSYBOX, history, image, names, planned

FROM = "FROM busybox\n"


def run_of(made: Plan, number: int = -1) -> Run:
    found = [step.operation for step in made.steps if isinstance(step.operation, Run)]
    return found[number]


def files_of(made: Plan, number: int = -1) -> Files:
    found = [step.operation for step in made.steps if isinstance(step.operation, Files)]
    return found[number]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "FROM busybox AS build\nRUN a\nFROM busybox\nCOPY --from=build /x /",
            [
                "[build 1/2] FROM docker.io/library/busybox:latest",
                "[build 2/2] RUN a",
                "[stage-1 2/2] COPY --from=build /x /",
            ],
        ),
        (
            FROM + "RUN echo '$A' $A $B\nRUN x",
            [
                "[1/3] FROM docker.io/library/busybox:latest",
                "[2/3] RUN echo '$A' $A $B",
                "[3/3] RUN x",
            ],
        ),
        (
            FROM + "ENV A=1\nRUN echo '$A' \"$A\"\nWORKDIR $A",
            ["[1/3] FROM docker.io/library/busybox:latest", "[2/3] RUN echo '$A' \"1\"", "[3/3] WORKDIR 1"],
        ),
        ("FROM scratch\nCOPY a /", ["[internal] load build context", "[1/1] COPY a /"]),
        ("from busybox\nrun x", ["[1/2] FROM docker.io/library/busybox:latest", "[2/2] RUN x"]),
        (
            FROM + "RUN <<EOF\necho 1\necho 2\nEOF",
            ["[1/2] FROM docker.io/library/busybox:latest", "[2/2] RUN <<EOF (echo 1...)"],
        ),
    ],
)  # fmt: skip
def test_steps_are_called_as_buildkit_calls_them(text: str, shown: list[str]) -> None:
    assert names(planned(text)) == shown


def test_many_steps_are_counted_in_columns() -> None:
    shown = names(planned(FROM + "RUN x\n" * 10))
    assert shown[0].startswith("[ 1/11] ") and shown[-1].startswith("[11/11] ")


def test_triggers_run_first_and_are_called_so() -> None:
    text = "FROM busybox AS p\nONBUILD COPY a /\nONBUILD RUN t\nFROM p\nRUN x"
    made = planned(text)
    assert names(made)[2:] == [
        "[stage-1 1/3] ONBUILD COPY a /",
        "[stage-1 2/3] ONBUILD RUN t",
        "[stage-1 3/3] RUN x",
    ]
    assert "OnBuild" not in made.targets[0].config


def test_triggers_of_an_image_may_name_another_image() -> None:
    images = {"parent": image({"OnBuild": ["COPY --from=busybox:1 /bin /bin", "ENV A=1"]})}
    made = planned("FROM parent", images)
    assert "FROM docker.io/library/busybox:1" in names(made)
    assert history(made) == ["COPY /bin /bin # buildkit", "ENV A=1"]


def test_only_what_the_target_needs_is_planned() -> None:
    text = "FROM busybox AS a\nRUN a\nFROM nothere AS b\nRUN b\nFROM a AS c\nRUN c"
    made = planned(text, target="a")
    assert len(made.steps) == 2
    assert all("b" not in step.stage for step in planned(text).steps)


def test_equal_stages_are_one() -> None:
    text = "FROM busybox AS a\nRUN x\nFROM busybox AS b\nRUN x\n"
    text += "FROM scratch\nCOPY --from=a /1 /\nCOPY --from=b /2 /"
    assert len([name for name in names(planned(text)) if "RUN x" in name]) == 1


def test_inputs_come_before_the_steps_that_take_them() -> None:
    text = "FROM busybox AS a\nRUN a\nFROM busybox AS b\nCOPY --from=a /x /\nRUN --mount=from=a,target=/m b"
    made = planned(text)
    for step in made.steps:
        assert all(input == SCRATCH or input < step.id for input in step.inputs)
        assert made.steps[step.id] is step


def test_the_context_is_asked_for_what_is_copied() -> None:
    made = planned(FROM + "COPY a b/c /\nADD ../x* /d/\nRUN --mount=target=/m,source=src x")
    [context] = [step.operation for step in made.steps if isinstance(step.operation, LocalSource)]
    assert context == LocalSource(name="context", paths=("a", "b/c", "src", "x*"))
    assert files_of(made, 0).actions[1] == Copy(input=1, sources=("/b/c",), dest="/")


def test_a_context_of_which_all_is_copied_is_asked_for_all() -> None:
    made = planned(FROM + "COPY a /\nCOPY . /x")
    assert LocalSource(name="context") in [step.operation for step in made.steps]


@pytest.mark.parametrize(
    ("line", "args"),
    [
        ("RUN echo a", ("/bin/sh", "-c", "echo a")),
        ('RUN ["echo", "a b"]', ("echo", "a b")),
        ('SHELL ["sh", "-e"]\nRUN x', ("sh", "-e", "x")),
        ("RUN <<E\na\nb\nE", ("/bin/sh", "-c", "a\nb\n")),
        ("RUN <<-E\n\ta\nE", ("/bin/sh", "-c", "a\n")),
        ("RUN cat <<E\na\nE", ("/bin/sh", "-c", "cat <<E\na\nE")),
        ("RUN <<E\n#!/bin/x\na\nE", ("/bin/sh", "-c", "/dev/pipes/E")),
    ],
)
def test_what_is_executed(line: str, args: tuple[str, ...]) -> None:
    assert run_of(planned(FROM + line)).args == args


def test_a_script_with_an_interpreter_is_mounted() -> None:
    made = planned(FROM + "RUN <<E\n#!/bin/x\na\nE")
    [mount] = run_of(made).mounts
    assert (mount.target, mount.read_only, mount.input) == ("/dev/pipes/", True, 1)
    [script] = [step for step in made.steps if step.name == "[internal] preparing inline document"]
    assert script.operation == Files(
        actions=(WriteFile(dest="/", name="E", data=b"#!/bin/x\na\n", chmod="0755"),)
    )


def test_variables_of_a_run() -> None:
    text = FROM + "ARG A=1\nENV B=$A\nARG NONE\nARG HTTP_PROXY\nRUN x"
    run = run_of(planned(text, build_args={"https_proxy": "http://p", "HTTP_PROXY": "http://q"}))
    assert run.env[1:] == ("A=1", "B=1", "HTTP_PROXY=http://q")
    assert run.env[0].startswith("PATH=")
    assert set(run.proxy) == {
        "HTTP_PROXY=http://q",
        "http_proxy=http://q",
        "HTTPS_PROXY=http://p",
        "https_proxy=http://p",
    }


def test_mounts() -> None:
    text = FROM + (
        "WORKDIR /w\nARG D=dir\n"
        "RUN --mount=target=m,source=$D,rw --mount=type=cache,target=/c,uid=5 "
        "--mount=type=tmpfs,target=/t,size=1m --mount=type=secret,id=s "
        "--mount=type=secret,id=e,env=E --mount=type=ssh x"
    )
    bind, cache, tmpfs, secret, variable, agent = run_of(planned(text)).mounts
    assert (bind.type, bind.target, bind.source, bind.read_only, bind.input) == (
        "bind",
        "/w/m",
        "/dir",
        False,
        1,
    )
    assert (cache.type, cache.id, cache.uid, cache.input) == ("cache", "/c", 5, None)
    assert (tmpfs.type, tmpfs.target, tmpfs.size) == ("tmpfs", "/t", 1 << 20)
    assert (secret.target, secret.mode, secret.env) == ("/run/secrets/s", 0o400, "")
    assert (variable.target, variable.env) == ("", "E")
    assert (agent.target, agent.id, agent.mode) == ("/run/buildkit/ssh_agent.0", "default", 0o600)


def test_secrets_are_nowhere_in_names_and_history() -> None:
    made = planned(FROM + "RUN --mount=type=secret,id=e,env=PW echo $PW")
    assert "****" in names(made)[-1]
    assert history(made) == ["RUN /bin/sh -c echo $PW # buildkit"]


def test_an_agent_is_told_where_its_socket_is() -> None:
    run = run_of(planned(FROM + "RUN --mount=type=ssh x"))
    assert "SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0" in run.env


def test_sources_of_add() -> None:
    digest = "sha256:" + "a" * 64
    made = planned(
        FROM + f"ADD --checksum={digest} http://h/d/f.tar /x/\nADD http://h /y\n"
        "ADD --keep-git-dir=true https://h/r.git#main:sub /z\nADD a.tar /w"
    )
    http, unnamed, git = [
        step.operation for step in made.steps if isinstance(step.operation, HttpSource | GitSource)
    ]
    assert http == HttpSource(url="http://h/d/f.tar", filename="f.tar", checksum=digest)
    assert unnamed == HttpSource(url="http://h", filename="__unnamed__")
    assert git == GitSource(url="https://h/r.git#main:sub", keep_git_dir=True)
    downloaded, archive = files_of(made, 0).actions[0], files_of(made, -1).actions[0]
    assert isinstance(downloaded, Copy) and (downloaded.unpack, downloaded.file_name) == (False, "f.tar")
    assert isinstance(archive, Copy) and archive.unpack


def test_actions_of_files() -> None:
    made = planned(
        FROM + "USER u\nWORKDIR /w\nARG A=1\nCOPY --chown=a:b --chmod=4755 --exclude=*.o x d\n"
        "COPY --parents ./a/./b/*.c /\nCOPY <<F <<'G' /e/\n$A\nF\n$A\nG"
    )
    assert files_of(made, 0).actions == (MakeDirectory(path="/w", owner="u"),)
    assert files_of(made, 1).actions == (
        Copy(input=1, sources=("/x",), dest="/w/d", chown="a:b", chmod="4755", exclude=("*.o",)),
    )
    assert files_of(made, 2).actions == (
        Copy(input=1, sources=("/a/./b/*.c",), dest="/", parents=True, required=False),
    )
    assert files_of(made, 3).actions == (
        WriteFile(dest="/e/", name="F", data=b"1\n"),
        WriteFile(dest="/e/", name="G", data=b"$A\n"),
    )


def test_no_cache_of_one_stage() -> None:
    text = "FROM busybox AS a\nRUN x\nFROM busybox AS b\nCOPY --from=a /x /\nRUN y"
    made = planned(text, no_cache_filter=("A",))
    assert [step.no_cache for step in made.steps if isinstance(step.operation, Run)] == [True, False]
    assert all(
        step.no_cache for step in planned(text, no_cache=True).steps if isinstance(step.operation, Run)
    )


# Contexts with a name


def test_a_named_context_replaces_a_stage() -> None:
    made = planned("FROM busybox AS x\nRUN false\nFROM busybox\nCOPY --from=x a /", contexts={"x": "local:x"})
    [loaded] = [step for step in made.steps if step.name == "[context x] load from client"]
    assert loaded.operation == LocalSource(name="x", paths=("a",))
    assert not any("false" in name for name in names(made))


def test_a_named_context_replaces_an_image() -> None:
    made = planned("FROM alpine\nCOPY a /", contexts={"alpine": "docker-image://busybox:2"})
    assert names(made)[0] == "[context alpine] busybox:2"
    assert made.targets[0].base == ImageSource(
        reference="docker.io/library/busybox:2", image_id="sha256:busybox:2", platform="linux/amd64"
    )


def test_a_named_context_for_one_platform() -> None:
    contexts = {"alpine::linux/arm64": "docker-image://arm", "alpine": "docker-image://any"}
    text = "FROM alpine\nRUN x"
    arm = planned(text, contexts=contexts, platforms=("linux/arm64",))
    assert "arm" in names(arm)[0] and "any" in names(planned(text, contexts=contexts))[0]


def test_a_result_of_another_build() -> None:
    made = planned("FROM base\nRUN x", contexts={"base": "input:target1"})
    assert made.steps[0].operation == ResultSource(id="target1")


# Targets


def test_several_platforms_are_planned_together() -> None:
    text = (
        "FROM --platform=$BUILDPLATFORM busybox AS b\nARG TARGETARCH\nRUN make $TARGETARCH\n"
        "FROM busybox\nCOPY --from=b /o /"
    )
    made = planned(text, platforms=("linux/amd64", "linux/arm64"))
    assert [target.platform for target in made.targets] == ["linux/amd64", "linux/arm64"]
    assert [target.document["architecture"] for target in made.targets] == ["amd64", "arm64"]
    assert "[linux/arm64 stage-1 2/2] COPY --from=b /o /" in names(made)
    assert any("->arm64" in name and "make arm64" in name for name in names(made))


def test_the_epoch_is_the_bases_unless_given() -> None:
    text = "FROM busybox AS a\nRUN a\nFROM scratch\nCOPY --from=a / /"
    made = planned(text)
    assert made.targets[0].epoch == 0
    assert [step.epoch for step in made.steps if isinstance(step.operation, Run)] == [1577934245]
    given = planned(text, build_args={"SOURCE_DATE_EPOCH": "7"})
    assert {step.epoch for step in given.steps if isinstance(step.operation, Run | Files)} == {7}
    assert planned(text, source_date_epoch=9).targets[0].epoch == 9


def test_unknown_fields_of_a_bases_config_are_dropped_and_known_ones_kept() -> None:
    images = {
        "busybox": image({"Cmd": ["x"], "Hostname": "h", "StopTimeout": 5, "Labels": {"a": "b"}}, author="me")
    }
    target = planned("FROM busybox\nLABEL c=d", images, labels={"e": "f"}).targets[0]
    assert set(target.config) == {"Cmd", "Env", "StopTimeout", "Labels"}
    assert target.config["Labels"] == {"a": "b", "c": "d", "e": "f"}
    assert target.document == {"architecture": "amd64", "os": "linux", "author": "me"}


def test_an_empty_base_makes_no_step() -> None:
    empty = BUSYBOX | {"history": [], "rootfs": {"type": "layers", "diff_ids": []}}
    made = planned("FROM empty\nENV A=1", {"empty": empty})
    assert made.steps == () and made.targets[0].step == SCRATCH
