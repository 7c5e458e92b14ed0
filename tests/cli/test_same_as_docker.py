"""The same lines by `docker` and by `sampan` on the same engine print the same bytes and exit alike.

Runs where SAMPAN_TEST_HOST names an engine (Docker or Sampan) that has the image busybox, and there is a
docker client. Only the program's name may differ.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

HOST = os.environ.get("SAMPAN_TEST_HOST", "")
DOCKER = shutil.which("docker")
pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not HOST, reason="SAMPAN_TEST_HOST names no engine"),
    pytest.mark.skipif(not DOCKER, reason="no docker client"),
]
SAMPAN = [sys.executable, "-c", "from sampan.cli.main import main; main()"]
WEB, IDLE = "same-as-docker-web", "same-as-docker-idle"


def call(program: list[str], line: str) -> tuple[int, str, str]:
    environ = {
        **os.environ,
        "DOCKER_HOST": HOST,
        "SAMPAN_HOST": HOST,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [*program, *shlex.split(line)],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.replace("sampan", "docker"), done.stderr.replace("sampan", "docker")


def docker(line: str) -> tuple[int, str, str]:
    assert DOCKER
    return call([DOCKER], line)


@pytest.fixture(scope="module", autouse=True)
def containers() -> Iterator[None]:
    docker(f"rm -f {WEB} {IDLE}")
    made = docker(
        f"run -d --name {WEB} -l a=b -l c=d -e A=1 --network none --health-cmd true --tmpfs /scratch busybox"
        " sh -c 'echo out; echo err >&2; mkdir -p /data/sub; echo hi > /data/f; exec sleep 1000'"
    )
    assert made[0] == 0, made
    assert docker(f"create --name {IDLE} busybox true")[0] == 0
    yield
    docker(f"rm -f {WEB} {IDLE}")


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
def test_same(line: str) -> None:
    ours = call(SAMPAN, line)
    theirs = docker(line)
    if ours != theirs:  # a clock that ticked between the two ("2 seconds ago")
        ours = call(SAMPAN, line)
    if line == "foo" or (line.startswith("container") and "prune" not in line):
        theirs = (theirs[0], theirs[1], theirs[2].split("\n")[0])
        ours = (ours[0], ours[1], ours[2].split("\n")[0])
    assert ours == theirs
