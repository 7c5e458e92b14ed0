"""Which strings are git repositories, and what of them is meant. Pure. As BuildKit's dfgitutil.

https://host/path.git   git://host/path   ssh://user@host/path   user@host:path   github.com/owner/name
...#REF:SUBDIR          ...##ref=REF,commit=ID,subdir=SUBDIR
...?ref= tag= branch= commit= (checksum=) subdir= keep-git-dir= submodules=
"""

import csv
import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from sampan.errors import Invalid
from sampan.specs.golang.numbers import FALSE, TRUE

_SCHEME = re.compile(r"[a-zA-Z0-9]+://")
_SCP = re.compile(r"([a-zA-Z0-9_-]+)@([a-zA-Z0-9.-]+):([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
SCHEMES = ("http", "https", "ssh", "git")


@dataclass(frozen=True)
class GitUrl:
    remote: str  # without #... and ?...
    ref: str = ""  # branch, tag, commit, refs/...; "": the default branch
    subdir: str = ""
    checksum: str = ""  # of the commit, or how it begins
    keep_git_dir: bool | None = None
    submodules: bool = True
    like_a_path: bool = False  # github.com/...: a repository as a context only


def is_git(text: str) -> bool:
    """For ADD, and for URLs that are contexts: whether this is fetched with git rather than http."""
    try:
        found = parse(text)
    except Invalid:
        return True
    return found is not None and not found.like_a_path


def parse(text: str) -> GitUrl | None:
    """None when `text` names no git repository. Raises Invalid for a bad query or fragment."""
    if text.startswith(("./", "../")):
        return None
    if text.startswith("github.com/"):
        return _parse_url(f"https://{text}", like_a_path=True)
    if _SCHEME.match(text):
        return _parse_url(text)
    found = _SCP.fullmatch(text)
    if found is None:
        return None
    user, host, path, query, fragment = found.groups()
    return _with(GitUrl(f"{user}@{host}:{path}"), query or "", fragment or "")


def _parse_url(text: str, *, like_a_path: bool = False) -> GitUrl | None:
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if parts.scheme not in SCHEMES or not parts.hostname:
        return None
    if parts.scheme in ("http", "https") and not like_a_path and not parts.path.endswith(".git"):
        return None
    # A second "#" begins the other form: the fragment is "#ref=..." then.
    remote = urlunsplit(parts._replace(query="", fragment=""))
    return _with(GitUrl(remote, like_a_path=like_a_path), parts.query, unquote(parts.fragment))


def _with(url: GitUrl, query: str, fragment: str) -> GitUrl:
    if fragment.startswith("#"):
        url = _with_fields(url, fragment[1:])
    else:
        ref, _, subdir = fragment.partition(":")
        url = replace(url, ref=ref, subdir=subdir)
    return _with_query(url, query) if query else url


def _with_fields(url: GitUrl, text: str) -> GitUrl:
    for field in next(csv.reader([text]), []) if text else []:
        key, equals, value = field.partition("=")
        if not equals:
            raise Invalid(f"invalid field '{field}' must be a key=value pair")
        match key.lower():
            case "ref":
                url = replace(url, ref=value)
            case "commit":
                url = replace(url, checksum=value)
            case "subdir":
                url = replace(url, subdir=value)
            case unknown:
                raise Invalid(
                    f"unexpected key '{unknown}' in '{field}' (supported keys: ref, commit, subdir)"
                )
    return replace(url, ref=url.ref or url.checksum)


def _with_query(url: GitUrl, query: str) -> GitUrl:
    values: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key in values:
            raise Invalid(f'query "{key}" has multiple values')
        if not value and key not in ("submodules", "keep-git-dir"):
            raise Invalid(f'query "{key}" has no value')
        values[key] = value
    named = {
        "ref": values.pop("ref", ""),
        "tag": _below("refs/tags/", values.pop("tag", "")),
        "branch": _below("refs/heads/", values.pop("branch", "")),
    }
    if named["tag"] and named["branch"]:
        raise Invalid("branch conflicts with tag")
    ref = url.ref
    for value in named.values():
        if value and ref and ref != value:
            raise Invalid(f'ref conflicts: "{ref}" vs "{value}"')
        ref = value or ref
    subdir = values.pop("subdir", "")
    if subdir and url.subdir and subdir != url.subdir:
        raise Invalid(f'subdir conflicts: "{url.subdir}" vs "{subdir}"')
    checksum = values.pop("checksum", "") or values.pop("commit", "") or url.checksum
    values.pop("commit", None)
    keep = values.pop("keep-git-dir", None)
    modules = values.pop("submodules", None)
    if values:
        raise Invalid(f'unexpected query "{next(iter(values))}"')
    return replace(
        url,
        ref=ref or checksum,
        subdir=subdir or url.subdir,
        checksum=checksum,
        keep_git_dir=None if keep is None else _boolean("keep-git-dir", keep),
        submodules=True if modules is None else _boolean("submodules", modules),
    )


def _below(prefix: str, value: str) -> str:
    return value if not value or value.startswith(prefix) else prefix + value


def _boolean(name: str, value: str) -> bool:
    if value and value not in TRUE | FALSE:
        raise Invalid(f'invalid {name} value: "{value}"')
    return value not in FALSE
