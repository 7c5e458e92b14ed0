"""The same lines by `docker` and by `sampan` on the same engine print the same bytes and exit alike.

Only the program's name may differ.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.client import Client
from tests.support.engine import Engine

pytestmark = pytest.mark.root
WEB, IDLE = "same-as-docker-web", "same-as-docker-idle"

Outcome = tuple[int, str, str]


def call(client: Client, line: str) -> Outcome:
    done = subprocess.run(
        [*client.program, *shlex.split(line)],
        env=client.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.replace("sampan", "docker"), done.stderr.replace("sampan", "docker")


@pytest.fixture(scope="module", autouse=True)
def containers(engine: Engine, image: str, docker_client: Client) -> Iterator[None]:
    """The lines know the suite's image as busybox."""
    had_busybox = engine.api.get("/images/busybox/json").status == 200
    if not had_busybox:
        docker_client.ok("tag", image, "busybox")
    docker_client("rm", "-f", WEB, IDLE)
    docker_client.ok(
        *shlex.split(
            f"run -d --name {WEB} -l a=b -l c=d -e A=1 --network none --health-cmd true --tmpfs /scratch"
        ),
        *("busybox", "sh", "-c"),
        "echo out; echo err >&2; mkdir -p /data/sub; echo hi > /data/f; exec sleep 1000",
    )
    docker_client.ok("create", "--name", IDLE, "busybox", "true")
    yield
    docker_client.ok("rm", "-f", WEB, IDLE)
    if not had_busybox:
        docker_client.ok("rmi", "busybox")


LINES = f"""
ps
ps -aq --no-trunc
ps -a --no-trunc -f name=same-as-docker
ps -a -f name={IDLE} --format json
ps -a -f name=same-as-docker --format '{{{{.Names}}}}|{{{{.Image}}}}|{{{{.Label "a"}}}}|{{{{.State}}}}'
ps -f name={IDLE} --format 'table {{{{.ID}}}}\\t{{{{upper .Image}}}}'
ps --format '{{{{.Nope}}}}'
ps --format '{{{{'
ps -f x
ps extra
ps --foo
images
images --no-trunc --digests
images -q busybox
inspect {IDLE}
inspect {WEB} nope
inspect -f '{{{{.State.Status}}}} {{{{.Config.Env}}}} {{{{json .Config.Labels}}}}' {WEB}
inspect -f '{{{{if .State.Health}}}}h{{{{end}}}}{{{{.HostConfig.RestartPolicy}}}}' {IDLE}
inspect -f '{{{{.State.Health.Status}}}}' {IDLE}
inspect -f '{{{{range $k, $v := .NetworkSettings.Networks}}}}{{{{$k}}}}{{{{end}}}}' {WEB}
inspect --type image nope
inspect --type volume nope
network inspect host -f '{{{{.Name}}}} {{{{.Driver}}}}'
network ls --format '{{{{.Name}}}}'
network ls -q -f name=host
volume ls -q
volume inspect nope
history busybox
history --no-trunc --format json busybox
logs {WEB}
logs -n 1 {WEB}
logs nope
exec {WEB} sh -c 'echo a; echo b >&2; exit 7'
exec -e X=1 -w /tmp -u 1 {WEB} sh -c 'echo $X; pwd; id -u'
exec -it {WEB} true
exec {IDLE} true
exec nope true
top {WEB} -o pid,args
port {WEB}
port {WEB} 80
diff nope
cp {WEB}:/data/f -
cp {WEB}:/nope .
cp x y
cp nope {IDLE}:/
run --rm busybox echo hello
run --rm busybox sh -c 'echo err >&2; exit 3'
run --rm busybox nope-nope
run --rm busybox /etc
run --rm --pull never nope-nope true
run --rm --restart always busybox
run --rm -m 1m busybox true
run --rm --network nope-nope busybox true
run --name {IDLE} busybox
run -e =x busybox
run --mount type=bind,dst=/x,foo=bar busybox
run -p 80-82:90-91 busybox
run
create
start nope
start -a {IDLE}
stop nope
kill -s FOO {WEB}
kill {IDLE}
rm nope
rm -f nope
rm {WEB}
rename {IDLE} ''
update {IDLE}
wait nope
attach {IDLE}
commit {IDLE} A:B:C
tag busybox A
rmi nope-nope
save nope-nope
export nope
load -i /nope
import /nope
container prune -f --filter label=nope-nope
image prune -f --filter label=nope-nope
volume prune -f --filter label=nope-nope
network prune -f --filter label=nope-nope
container
foo
container foo
help nope
version -f '{{{{.Server.Version}}}}'
version -f '{{{{.Nope}}}}'
info -f '{{{{.ServerVersion}}}}'
info -f '{{{{.Nope}}}}'
events --since 1s --until 0s -f container=nope-nope
context show
""".strip().splitlines()


@pytest.mark.parametrize("line", LINES)
def test_same(line: str, docker_client: Client, sampan_client: Client) -> None:
    for _ in range(5):  # a clock may tick between the two ("2 seconds ago")
        ours = comparable(line, call(sampan_client, line))
        theirs = comparable(line, call(docker_client, line))
        if ours == theirs:
            break
    assert ours == theirs


def comparable(line: str, outcome: Outcome) -> Outcome:
    """Lists of commands differ: only the first line of what is said about a wrong one counts."""
    code, out, err = outcome
    if line == "foo" or (line.startswith("container") and "prune" not in line):
        err = err.split("\n")[0]
    return code, out, err
