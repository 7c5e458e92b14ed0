"""Users and groups by name or number, as runc finds them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.errors import Invalid
from sampan.runtime import passwd

PASSWD = """root:x:0:0:root:/root:/bin/sh
# a comment
daemon:x:1:2:daemon:/usr/sbin:/bin/false
broken
app:x:1000:1000::/home/app:/bin/sh
7:x:70:70::/seven:/bin/sh
nohome:x:5:5
"""
GROUP = """root:x:0:root
staff:x:50:app,daemon
app:x:1000:
adm:x:4:app
42:x:4242:
"""

CASES = [
    # user, uid, gid, groups, home
    ("", 0, 0, [], "/root"),
    ("root", 0, 0, [], "/root"),
    ("app", 1000, 1000, [50, 4], "/home/app"),
    ("1000", 1000, 1000, [50, 4], "/home/app"),
    ("app:staff", 1000, 50, [], "/home/app"),
    ("app:4", 1000, 4, [], "/home/app"),
    ("1:77", 1, 77, [], "/usr/sbin"),
    ("4321", 4321, 0, [], "/"),
    ("4321:4321", 4321, 4321, [], "/"),
    (":50", 0, 50, [], "/root"),
    ("7", 7, 0, [], "/"),
    ("nohome", 5, 5, [], "/"),
    ("app:42", 1000, 42, [], "/home/app"),
]


@pytest.mark.parametrize(("user", "uid", "gid", "groups", "home"), CASES)
def test_users_resolve(user: str, uid: int, gid: int, groups: list[int], home: str) -> None:
    found = passwd.resolve(user, PASSWD, GROUP)
    assert (found.uid, found.gid, found.groups, found.home) == (uid, gid, groups, home)


def test_without_files_root_and_numbers_still_work() -> None:
    assert passwd.resolve("", "", "").uid == 0
    assert passwd.resolve("12:34", "", "").gid == 34


REFUSED = [
    ("nope", "unable to find user nope: no matching entries in passwd file"),
    ("root:nope", "unable to find group nope: no matching entries in group file"),
    ("2147483648", "uids and gids must be in range 0-2147483647"),
    ("-1", "uids and gids must be in range 0-2147483647"),
    ("0:99999999999", "uids and gids must be in range 0-2147483647"),
    ("1_0", "unable to find user 1_0: no matching entries in passwd file"),
]


@pytest.mark.parametrize(("user", "message"), REFUSED)
def test_unknown_users_are_refused_in_runcs_words(user: str, message: str) -> None:
    with pytest.raises(Invalid, match=f"^{message}$"):
        passwd.resolve(user, PASSWD, GROUP)


def test_additional_groups_take_names_and_numbers() -> None:
    assert passwd.additional_groups(["staff", "4", "9999", "staff"], GROUP) == [50, 4, 9999]
    with pytest.raises(Invalid, match=r"^Unable to find group nope: no matching entries in group file$"):
        passwd.additional_groups(["nope"], GROUP)


@settings(deadline=None)
@given(st.text(), st.text(), st.text())
def test_hostile_files_never_break_the_lookup(user: str, passwd_text: str, group_text: str) -> None:
    try:
        found = passwd.resolve(user, passwd_text, group_text)
    except Invalid:
        return
    assert isinstance(found.uid, int) and isinstance(found.gid, int)
