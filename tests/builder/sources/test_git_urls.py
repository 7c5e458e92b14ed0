import pytest

from sampan.builder.sources.git_urls import GitUrl, is_git, parse
from sampan.errors import Invalid


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://example.com/", None),
        ("https://example.com/foo", None),
        ("https://example.com/foo.git/", None),
        ("https://example.com/foo.git.bar", None),
        ("custom.xyz/moby/buildkit.git", None),
        ("./.git", None),
        (".git", None),
        ("http://github.com/docker/docker.git:#branch", None),
        ("ftp://example.com/foo.git", None),
        ("https://example.com/foo.git", GitUrl("https://example.com/foo.git")),
        ("https://example.com/foo.git#deadbeef", GitUrl("https://example.com/foo.git", "deadbeef")),
        ("https://e.com/foo.git#release/1.2", GitUrl("https://e.com/foo.git", "release/1.2")),
        ("https://e.com/b.git#baz/qux:quux/quuz", GitUrl("https://e.com/b.git", "baz/qux", "quux/quuz")),
        ("https://e.com/b.git#:myfolder", GitUrl("https://e.com/b.git", "", "myfolder")),
        ("https://u:p@e.com/b.git", GitUrl("https://u:p@e.com/b.git")),
        ("git://example.com/foo", GitUrl("git://example.com/foo")),
        ("ssh://git@example.com/foo", GitUrl("ssh://git@example.com/foo")),
        ("github.com/moby/buildkit", GitUrl("https://github.com/moby/buildkit", like_a_path=True)),
        ("git@github.com:moby/buildkit", GitUrl("git@github.com:moby/buildkit")),
        ("git@github.com:moby/buildkit.git#v1:x", GitUrl("git@github.com:moby/buildkit.git", "v1", "x")),
        ("https://e.com/f.git##ref=v1,subdir=/s", GitUrl("https://e.com/f.git", "v1", "/s")),
        ("https://e.com/f.git##commit=abc", GitUrl("https://e.com/f.git", "abc", "", "abc")),
        ("https://e.com/f.git?tag=v1&subdir=s", GitUrl("https://e.com/f.git", "refs/tags/v1", "s")),
        ("https://e.com/f.git?branch=b", GitUrl("https://e.com/f.git", "refs/heads/b")),
        ("https://e.com/f.git?commit=abc", GitUrl("https://e.com/f.git", "abc", "", "abc")),
        ("https://e.com/f.git?keep-git-dir=1", GitUrl("https://e.com/f.git", keep_git_dir=True)),
        ("https://e.com/f.git?submodules=false", GitUrl("https://e.com/f.git", submodules=False)),
    ],
)
def test_what_is_a_repository(text: str, found: GitUrl | None) -> None:
    assert parse(text) == found


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?x=1", 'unexpected query "x"'),
        ("?ref=", 'query "ref" has no value'),
        ("?ref=a&ref=b", 'query "ref" has multiple values'),
        ("?tag=a&branch=b", "branch conflicts with tag"),
        ("?ref=a#b", 'ref conflicts: "b" vs "a"'),
        ("?subdir=a#:b", 'subdir conflicts: "b" vs "a"'),
        ("?keep-git-dir=maybe", 'invalid keep-git-dir value: "maybe"'),
        ("##nonsense", "invalid field 'nonsense' must be a key=value pair"),
        ("##a=b", "unexpected key 'a' in 'a=b' (supported keys: ref, commit, subdir)"),
    ],
)
def test_bad_options_are_told_and_still_git(query: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(f"https://e.com/f.git{query}")
    assert caught.value.message == message
    assert is_git(f"https://e.com/f.git{query}")


def test_github_without_scheme_is_a_context_but_no_source_of_add() -> None:
    assert not is_git("github.com/moby/buildkit") and is_git("https://github.com/moby/buildkit.git")
