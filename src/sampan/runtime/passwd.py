"""Who a container's process runs as: "user", "uid", "user:group" against the image's passwd and group files.

The rules and words of runc's libcontainer/user. passwd(5), group(5). Light and pure: the container's init
calls it with what it read below the new root.
"""

from __future__ import annotations

from sampan.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_ID = (1 << 31) - 1


class User:
    """`groups` are the supplementary ones, without the primary."""

    __slots__ = ("gid", "groups", "home", "name", "uid")

    def __init__(self, uid: int, gid: int, groups: list[int], home: str, name: str) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.home = home
        self.name = name


def resolve(user: str, passwd: str, group: str) -> User:
    """The identity `user` names. Raises Invalid, worded as runc words it."""
    wanted, _, wanted_group = user.partition(":")
    number = _integer(wanted)
    entry = _find_user(wanted, number, passwd)
    if wanted == "" and entry is None:
        uid, gid, home, name = 0, 0, "/", ""
    elif entry is not None:
        name, uid, gid, home = entry
        # The kernel has 32 bits, and takes all of them set as "leave it": root would stay root.
        if not (0 <= uid <= MAX_ID and 0 <= gid <= MAX_ID):
            raise Invalid("uids and gids must be in range 0-2147483647")
    elif number is None:
        raise Invalid(f"unable to find user {wanted}: no matching entries in passwd file")
    elif not 0 <= number <= MAX_ID:
        raise Invalid("uids and gids must be in range 0-2147483647")
    else:
        uid, gid, home, name = number, 0, "/", ""
    groups: list[int] = []
    if wanted_group:
        gid = _find_group(wanted_group, group)
    elif name:
        groups = [found for _, found, members in parse_group(group) if name in members and found != gid]
    return User(uid, gid, list(dict.fromkeys(groups)), home or "/", name)


def additional_groups(wanted: Iterable[str], group: str) -> list[int]:
    """Group ids of --group-add, which takes names and numbers. Raises Invalid."""
    entries = list(parse_group(group))
    result = []
    for name in wanted:
        found = next((gid for known, gid, _ in entries if known == name or str(gid) == name), None)
        if found is None:
            found = _integer(name)
            if found is None:
                raise Invalid(f"Unable to find group {name}: no matching entries in group file")
            if not 0 <= found <= MAX_ID:
                raise Invalid("uids and gids must be in range 0-2147483647")
        result.append(found)
    return list(dict.fromkeys(result))


def parse_passwd(text: str) -> Iterator[tuple[str, int, int, str]]:
    """(name, uid, gid, home); lines that are not entries are passed over, as runc does."""
    for line in text.splitlines():
        fields = line.strip().split(":")
        if not fields[0] or fields[0].startswith("#") or len(fields) < 3:
            continue
        fields += [""] * (7 - len(fields))
        yield fields[0], _integer(fields[2]) or 0, _integer(fields[3]) or 0, fields[5]


def parse_group(text: str) -> Iterator[tuple[str, int, list[str]]]:
    """(name, gid, members)."""
    for line in text.splitlines():
        fields = line.strip().split(":")
        if not fields[0] or fields[0].startswith("#") or len(fields) < 3:
            continue
        members = fields[3].split(",") if len(fields) > 3 and fields[3] else []
        yield fields[0], _integer(fields[2]) or 0, members


def _find_user(wanted: str, number: int | None, passwd: str) -> tuple[str, int, int, str] | None:
    """The first entry with this uid, for a number, or else this name; nobody named means uid 0.

    A number is never a name: an image could name root "1000" (CVE-2016-3697).
    """
    for entry in parse_passwd(passwd):
        if wanted == "":
            if entry[1] == 0:
                return entry
        elif entry[1] == number if number is not None else entry[0] == wanted:
            return entry
    return None


def _find_group(wanted: str, group: str) -> int:
    number = _integer(wanted)
    for name, gid, _ in parse_group(group):
        if gid == number if number is not None else name == wanted:
            return gid
    if number is None:
        raise Invalid(f"unable to find group {wanted}: no matching entries in group file")
    if not 0 <= number <= MAX_ID:
        raise Invalid("uids and gids must be in range 0-2147483647")
    return number


def _integer(text: str) -> int | None:
    """Decimal digits with a sign at most; int() would also take "1_0" and other scripts' digits."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    return int(text) if digits.isascii() and digits.isdigit() else None
