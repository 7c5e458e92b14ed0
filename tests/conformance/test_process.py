"""What the container's process is: program, environment, user, directory, names, limits, terminal."""

from tests.support.client import Client
from tests.support.rows import Row, check, each

ROWS = [
    Row("runs the command", "run --rm IMAGE echo hello", out="hello"),
    Row(
        "runs the image's command when none is given",
        "run --rm -i IMAGE",
        stdin=b"echo from sh\n",
        out="from sh",
    ),
    Row("keeps arguments as they are", "run --rm IMAGE printf '%s|' 'a b' '' '$x'", out="a b||$x|"),
    Row("puts the entrypoint before the arguments", "run --rm --entrypoint echo IMAGE a b", out="a b"),
    Row("drops the image's command with a new entrypoint", "run --rm --entrypoint echo IMAGE", out=""),
    Row(
        "finds the program by the image's PATH",
        "run --rm IMAGE env",
        like=r"^PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin$",
    ),
    Row("passes standard input on", "run --rm -i IMAGE cat", stdin=b"one\ntwo\n", out="one\ntwo"),
    Row("closes standard input without -i", "run --rm IMAGE cat", stdin=b"unseen\n", out=""),
    Row(
        "keeps the two outputs apart",
        "run --rm IMAGE sh -c 'echo out; echo err >&2'",
        out="out",
        err=r"^err$",
    ),
    Row("exits 0", "run --rm IMAGE true"),
    Row("exits with the program's code", "run --rm IMAGE sh -c 'exit 42'", code=42),
    Row(
        "exits 128+n when a signal ended it",
        "run --rm IMAGE sh -c 'sleep 100 & kill -9 $!; wait $!'",
        code=137,
    ),
    Row(
        "exits 127 for an unknown program",
        "run --rm IMAGE nope",
        code=127,
        err=r'exec: "nope": executable file not found in \$PATH',
    ),
    Row("exits 127 for a missing path", "run --rm IMAGE /no/such", code=127, err="no such file or directory"),
    Row(
        "exits 126 for a directory", "run --rm IMAGE /etc", code=126, err="(permission denied|is a directory)"
    ),
    Row(
        "exits 126 for a file that may not run",
        "run --rm IMAGE /etc/passwd",
        code=126,
        err="permission denied",
    ),
    Row(
        "exits 125 for an unknown image",
        "run --rm --pull never no-such-image-here true",
        code=125,
        err="No such image: no-such-image-here:latest",
    ),
    Row(
        "exits 125 for an unknown flag",
        "run --no-such-flag IMAGE true",
        code=125,
        err="unknown flag: --no-such-flag",
    ),
    Row(
        "sets an environment variable",
        "run --rm -e A=1 -e B='two words' IMAGE sh -c 'echo $A $B'",
        out="1 two words",
    ),
    Row("lets the last of equal variables win", "run --rm -e A=1 -e A=2 IMAGE sh -c 'echo $A'", out="2"),
    Row("sets HOSTNAME and HOME", "run --rm -h box IMAGE sh -c 'echo $HOSTNAME $HOME'", out="box /root"),
    Row("sets TERM with a terminal only", "run --rm -t IMAGE sh -c 'echo $TERM'", like="^xterm"),
    Row("runs as root by default", "run --rm IMAGE id", out="uid=0(root) gid=0(root) groups=0(root)"),
    Row(
        "takes a user by name with its groups",
        "run --rm -u app IMAGE id",
        like=r"^uid=1000\(app\) gid=1000\(app\) groups=.*50\(staff\).*2000\(extra\)",
    ),
    Row("takes a user by number", "run --rm -u 1000 IMAGE id -u", out="1000"),
    Row("takes a number nobody has", "run --rm -u 4321 IMAGE sh -c 'id -u; id -g'", out="4321\n0"),
    Row(
        "takes user and group by name",
        "run --rm -u app:extra IMAGE sh -c 'id -u; id -g; id -G'",
        like=r"\A1000\n2000\n2000\Z",
    ),
    Row("takes user and group by number", "run --rm -u 7:8 IMAGE sh -c 'id -u; id -g'", out="7\n8"),
    Row("sets HOME from passwd", "run --rm -u app IMAGE sh -c 'echo $HOME'", out="/home/app"),
    Row("leaves a given HOME alone", "run --rm -u app -e HOME=/x IMAGE sh -c 'echo $HOME'", out="/x"),
    Row(
        "refuses an unknown user",
        "run --rm -u nosuch IMAGE true",
        code=125,
        err="unable to find user nosuch: no matching entries in passwd file",
    ),
    Row(
        "refuses an unknown group",
        "run --rm -u app:nosuch IMAGE true",
        code=125,
        err="unable to find group nosuch: no matching entries in group file",
    ),
    Row(
        "adds groups by name and number",
        "run --rm --group-add extra --group-add 4242 IMAGE id -G",
        like=r"\b2000\b.*\b4242\b|\b4242\b.*\b2000\b",
    ),
    Row("starts in the image's directory", "run --rm IMAGE pwd", out="/"),
    Row("starts in another directory", "run --rm -w /var/www IMAGE pwd", out="/var/www"),
    Row(
        "makes the directory it starts in",
        "run --rm -w /made/for/me IMAGE sh -c 'pwd; stat -c %a:%u /made/for/me'",
        out="/made/for/me\n755:0",
    ),
    Row(
        "refuses a relative directory",
        "run --rm -w relative IMAGE true",
        code=125,
        err="the working directory 'relative' is invalid, it needs to be an absolute path",
    ),
    Row("sets the host name", "run --rm -h box IMAGE hostname", out="box"),
    Row("names the host after the container by default", "run --rm IMAGE sh -c 'hostname | wc -c'", out="13"),
    Row(
        "sets the domain name",
        "run --rm -h box --domainname example.org IMAGE cat /proc/sys/kernel/domainname",
        out="example.org",
    ),
    Row(
        "has its own host name in /etc/hosts", "run --rm -h box IMAGE cat /etc/hosts", like=r"^[0-9.]+\s+box$"
    ),
    Row(
        "sets a limit",
        "run --rm --ulimit nofile=123:456 IMAGE sh -c 'ulimit -Sn; ulimit -Hn'",
        out="123\n456",
    ),
    Row(
        "refuses a limit that may not be raised so high",
        "run --rm --ulimit nofile=2147483584 IMAGE true",
        code=125,
        err="error setting rlimits for ready process: error setting rlimit type 7: operation not permitted",
    ),
    Row(
        "sets a limit with one number",
        "run --rm --ulimit core=0 IMAGE sh -c 'ulimit -Sc; ulimit -Hc'",
        out="0\n0",
    ),
    Row(
        "sets a sysctl of its namespace",
        "run --rm --sysctl net.ipv4.ip_default_ttl=77 IMAGE cat /proc/sys/net/ipv4/ip_default_ttl",
        out="77",
    ),
    Row(
        "refuses a sysctl of the host",
        "run --rm --sysctl kernel.panic=1 IMAGE true",
        code=125,
        err="sysctl .kernel.panic=1. is not allowed",
    ),
    Row("writes carriage returns on a terminal", "run --rm -t IMAGE echo hi", out="hi\r"),
    Row("has a terminal with -t", "run --rm -t IMAGE tty", like=r"^/dev/(pts/0|console)"),
    Row("has no terminal without -t", "run --rm IMAGE tty", code=1, like="not a tty"),
    Row("has umask 022", "run --rm IMAGE sh -c umask", out="0022"),
    Row("is process 1", "run --rm IMAGE sh -c 'echo $$'", out="1"),
    Row("sees only its own processes", "run --rm IMAGE sh -c 'ls -d /proc/[0-9]* | wc -l'", like=r"^[23]$"),
    Row("has nothing open but the standard three", "run --rm IMAGE ls /proc/self/fd", out="0\n1\n2\n3"),
    Row(
        "runs an init as process 1",
        "run --rm --init IMAGE cat /proc/1/comm",
        like="init",
    ),
    Row("keeps the program's code with an init", "run --rm --init IMAGE sh -c 'exit 9'", code=9),
    Row(
        "reads variables from a file",
        "run --rm --env-file /dev/stdin IMAGE sh -c 'echo $X-$Y'",
        stdin=b"# comment\nX=1\nY=a b\n",
        out="1-a b",
    ),
    Row("sets a label", "create --name NAME --label a=b --label c IMAGE", like=r"^[0-9a-f]{64}$"),
    Row("takes long command lines", "run --rm IMAGE sh -c 'echo ${#1}' sh " + "x" * 100_000, out="100000"),
    Row(
        "passes bytes through",
        "run --rm -i IMAGE md5sum",
        stdin=bytes(range(256)) * 4096,
        like="^[0-9a-f]{32}  -$",
    ),
]


@each(ROWS)
def test_process(cli: Client, row: Row, image: str, unique: str) -> None:
    check(cli, row, image, unique)


def test_an_image_entrypoint_joins_with_its_command(docker: Client, image: str, unique: str) -> None:
    made = docker.ok("create", image)
    docker.ok("commit", "-c", 'ENTRYPOINT ["echo", "entry"]', "-c", 'CMD ["cmd"]', made, unique)
    assert docker.ok("run", "--rm", unique) == "entry cmd"
    assert docker.ok("run", "--rm", unique, "given") == "entry given"
    assert docker.ok("run", "--rm", "--entrypoint", "", unique, "echo", "bare") == "bare"


def test_a_shell_form_command_runs_in_a_shell(docker: Client, image: str, unique: str) -> None:
    made = docker.ok("create", image)
    docker.ok(
        "commit", "-c", "CMD echo $((1 + 2))", "-c", "ENV WHO=me", "-c", "WORKDIR /var/www", made, unique
    )
    assert docker.ok("run", "--rm", unique) == "3"
    assert docker.ok("run", "--rm", unique, "sh", "-c", "echo $WHO; pwd") == "me\n/var/www"


def test_the_users_groups_come_from_the_container_not_the_host(
    docker: Client, image: str, unique: str
) -> None:
    made = docker.ok("run", "-d", image, "sh", "-c", "echo late:x:3000:3000::/late:/bin/sh >>/etc/passwd")
    docker.ok("wait", made)
    docker.ok("commit", made, unique)
    assert docker.ok("run", "--rm", "-u", "late", unique, "sh", "-c", "id -u; echo $HOME") == "3000\n/late"
