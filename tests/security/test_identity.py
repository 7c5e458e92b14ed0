"""Who a container's process is: ids that wrap around, groups, capabilities it could gain."""

import pytest

from tests.security.support import Containers
from tests.support.api import Api
from tests.support.client import Client
from tests.support.contexts import context

RANGE = "range 0-2147483647|unable to find user|unable to find group|no matching entries"
OVERFLOWS = [
    "4294967296",
    "4294967295",
    "2147483648",
    "-1",
    "18446744073709551616",
    "0:4294967296",
    "1000:4294967295",
    "65536:-1",
    "99999999999999999999999999",
]


@pytest.mark.parametrize("user", OVERFLOWS)
def test_an_id_that_would_wrap_around_is_refused(
    docker: Client, containers: Containers, image: str, user: str
) -> None:
    """CVE-2024-40635: 4294967296 became 0, and so root."""
    result = docker("run", "--rm", f"--user={user}", image, "id", "-u")
    assert result.code != 0 and result.out == "", str(result)
    made = containers.start(image, "sleep", "1000")
    code, output = made.exec("id", "-u", User=user)
    assert code != 0 and output.strip() not in ("0", "1000"), output


@pytest.mark.parametrize("user", OVERFLOWS[:4])
def test_a_user_of_a_dockerfile_that_would_wrap_around(api: Api, image: str, user: str) -> None:
    answer = api.post("/build", context({"Dockerfile": f"FROM {image}\nUSER {user}\nRUN id -u\n"}))
    assert "error" in answer.lines[-1], answer.body


@pytest.mark.parametrize("number", ["4294967295", "4294967296", "-1", "2147483648"])
def test_an_entry_of_the_images_passwd_that_would_wrap_around(
    containers: Containers, image: str, number: str
) -> None:
    """setresuid(2) takes 4294967295 as "leave it as it is"."""
    made = containers.start(image, "sleep", "1000")
    made.exec("sh", "-c", f"echo 'odd:x:{number}:{number}::/:/bin/sh' >> /etc/passwd")
    code, output = made.exec("id", "-u", User="odd")
    assert code != 0 and "0-2147483647" in output, output


def test_a_group_added_that_would_wrap_around(docker: Client, image: str) -> None:
    for group in ("4294967296", "-1", "2147483648"):
        result = docker("run", "--rm", f"--group-add={group}", image, "id", "-G")
        assert result.code != 0, str(result)


def test_supplementary_groups_are_the_users_only(docker: Client, containers: Containers, image: str) -> None:
    """CVE-2022-36109, CVE-2023-25173: groups of root that stayed, or the primary group that was not dropped.

    A group that may not read a file ("deny by group") counts only if the process is in it.
    """
    groups = {
        "0": {"0"},
        "app": {"1000", "50", "2000"},
        "1000": {"1000", "50", "2000"},
        "1000:1": {"1"},
        "4711": {"0"},
    }
    made = containers.start(image, "sleep", "1000")
    for user, wanted in groups.items():
        assert set(docker.ok("run", "--rm", "-u", user, image, "id", "-G").split()) == wanted, user
        assert set(made.exec("id", "-G", User=user)[1].split()) == wanted, user


NONE = "0000000000000000"


@pytest.mark.parametrize("flags", [[], ["--privileged"], ["--cap-add", "ALL"], ["-u", "app"], ["--init"]])
def test_nothing_is_inheritable(docker: Client, image: str, flags: list[str]) -> None:
    """CVE-2022-24769: inheritable capabilities come to life in programs with file capabilities."""
    shown = docker.ok("run", "--rm", *flags, image, "grep", "-E", "Cap(Inh|Amb)", "/proc/self/status")
    assert shown == f"CapInh:\t{NONE}\nCapAmb:\t{NONE}"


def test_nothing_is_inheritable_in_an_exec(containers: Containers, image: str) -> None:
    """CVE-2022-29162: the same of `runc exec --cap`."""
    made = containers.start(image, "sleep", "1000")
    for more in ({}, {"Privileged": True}, {"User": "app"}, {"User": "app", "Privileged": True}):
        shown = made.exec("grep", "-E", "Cap(Inh|Amb)", "/proc/self/status", **more)[1]
        assert shown == f"CapInh:\t{NONE}\nCapAmb:\t{NONE}\n", more


def test_a_user_has_no_capabilities_of_root(docker: Client, containers: Containers, image: str) -> None:
    made = containers.start(image, "sleep", "1000")
    for output in (
        docker.ok("run", "--rm", "-u", "app", "--privileged", image, "grep", "Cap[PE]", "/proc/self/status"),
        made.exec("grep", "Cap[PE]", "/proc/self/status", User="app", Privileged=True)[1].strip(),
    ):
        assert output == f"CapPrm:\t{NONE}\nCapEff:\t{NONE}"


def test_no_new_privileges_holds_for_execs_and_set_id_programs(
    docker: Client, containers: Containers, image: str
) -> None:
    made = containers.start(image, "sleep", "1000", host={"SecurityOpt": ["no-new-privileges"]})
    made.exec("sh", "-c", "cp /bin/busybox /bin/busybox-root && chmod 4755 /bin/busybox-root")
    assert made.exec("/bin/busybox-root", "id", "-u", User="app")[1].strip() == "1000"
    assert "1" in made.exec("grep", "NoNewPrivs", "/proc/self/status", Privileged=True)[1]


def test_a_number_is_no_name_of_the_images_passwd(containers: Containers, image: str) -> None:
    """CVE-2016-3697: root under the name "1234"."""
    made = containers.start(image, "sleep", "1000")
    made.exec("sh", "-c", "echo '1234:x:0:0::/:/bin/sh' >> /etc/passwd; echo '1234:x:0:' >> /etc/group")
    for user in ("1234", "1234:1234", "app:1234"):
        code, output = made.exec("sh", "-c", "id -u; id -g", User=user)
        assert code == 0 and "0" not in output.split()[0:1], output
        assert user == "1234" or output.split()[1] == "1234", output
