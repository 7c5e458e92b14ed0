"""Rows of COPY without --exclude and --parents were measured against Docker 26 with BuildKit 0.13."""

import stat
from dataclasses import replace

import pytest

from sampan.builder.plan.graph import Copy
from sampan.builder.sources.explain import LIMIT, explain_difference, summary
from sampan.builder.sources.select import select, select_mount
from sampan.builder.trees import Entry, HostRoot, Tree
from sampan.errors import Invalid, NotFound


def tree_of(files: dict[str, str | None]) -> Tree:
    """Name -> content; None a directory; "->x" a link."""
    entries = {"": Entry(stat.S_IFDIR | 0o755, 0, 0, 0, 0, "")}
    for name, content in files.items():
        parts = name.split("/")
        for count in range(1, len(parts)):
            entries.setdefault("/".join(parts[:count]), Entry(stat.S_IFDIR | 0o755, 0, 0, 0, 0, ""))
        if content is None:
            entries[name] = Entry(stat.S_IFDIR | 0o700, 1, 1, 0, 0, "")
        elif content.startswith("->"):
            entries[name] = Entry(stat.S_IFLNK | 0o777, 0, 0, 0, 0, content[2:])
        else:
            entries[name] = Entry(stat.S_IFREG | 0o644, 5, 6, len(content), 0, f"digest of {content}")
    return Tree(HostRoot("/somewhere"), dict(sorted(entries.items())))


TREE = tree_of(
    {
        "a.txt": "a",
        "b.txt": "b",
        "d/e/f.txt": "f",
        "d/g.md": "g",
        "d/lg": "->g.md",
        "x1/y/z.txt": "z",
        "x2/y/z2.txt": "z2",
        "sp[ace]/q": "q",
        "ld": "->d",
        "la": "->a.txt",
        "labs": "->/d/e",
        "lout": "->../../etc/passwd",
        "dead": "->nowhere",
        "loop": "->loop",
        "none": None,
    }
)
D = [("d", ""), ("d/e", "e"), ("d/e/f.txt", "e/f.txt"), ("d/g.md", "g.md"), ("d/lg", "lg")]


@pytest.mark.parametrize(
    ("sources", "dest", "pairs"),
    [
        ("a.txt", "/", [("a.txt", "a.txt")]),
        ("a.txt b.txt", "/q/", [("a.txt", "a.txt"), ("b.txt", "b.txt")]),
        ("d", "/q", D),
        ("d/", "/q", D),
        ("ld", "/q", D),
        ("none", "/q", [("none", "")]),
        ("ld/g.md", "/", [("d/g.md", "g.md")]),
        ("la", "/q", [("a.txt", "la")]),
        ("labs/f.txt", "/", [("d/e/f.txt", "f.txt")]),
        ("d/lg", "/", [("d/g.md", "lg")]),
        ("*.txt", "/q/", [("a.txt", "a.txt"), ("b.txt", "b.txt")]),
        ("[a-b].txt", "/q/", [("a.txt", "a.txt"), ("b.txt", "b.txt")]),
        ("x*/y", "/q/", [("x1/y", ""), ("x1/y/z.txt", "z.txt"), ("x2/y", ""), ("x2/y/z2.txt", "z2.txt")]),
        ("*/e", "/q/", [("d/e", ""), ("d/e/f.txt", "f.txt")]),
        ("ld/*.md", "/q/", [("d/g.md", "g.md")]),
        ("**/f.txt", "/q/", []),
        ("n*x", "/", []),
        ("a.txt/*", "/", []),
        ("../a.txt", "/", [("a.txt", "a.txt")]),
        ("/../../d/../a.txt", "/", [("a.txt", "a.txt")]),
        ("sp[[]ace]/q", "/", [("sp[ace]/q", "q")]),
    ],
)
def test_what_copy_takes(sources: str, dest: str, pairs: list[tuple[str, str]]) -> None:
    found = select(TREE, Copy(input=0, sources=tuple(sources.split()), dest=dest))
    assert list(found.pairs) == pairs


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("no", "/no"),
        ("no/a", "/no/a"),
        ("a.txt/b", "/a.txt/b"),
        ("lout", "/etc/passwd"),
        ("dead", "/nowhere"),
        ("de*", "/nowhere"),
        ("ld/no", "/ld/no"),
        ("labs/no/x", "/labs/no/x"),
    ],
)
def test_what_is_not_there_is_told_as_buildkit_does(source: str, shown: str) -> None:
    with pytest.raises(NotFound) as caught:
        select(TREE, Copy(input=0, sources=(source,), dest="/"), "x::y")
    assert caught.value.message == (
        f'failed to compute cache key: failed to calculate checksum of ref x::y: "{shown}": not found'
    )


def test_a_wildcard_needs_a_directory_to_look_into() -> None:
    with pytest.raises(NotFound, match="lstat /d/no: no such file or directory"):
        select(TREE, Copy(input=0, sources=("d/no/*",), dest="/"))


@pytest.mark.parametrize("source", ["loop", "["])
def test_what_makes_no_sense_is_refused(source: str) -> None:
    with pytest.raises(Invalid):
        select(TREE, Copy(input=0, sources=(source,), dest="/"))


@pytest.mark.parametrize(
    ("source", "exclude", "names"),
    [
        ("d", ("*.md",), ["", "e", "e/f.txt", "lg"]),
        ("d", ("e",), ["", "g.md", "lg"]),
        ("d", ("*", "!e/f.txt"), ["", "e", "e/f.txt"]),
        (".", ("**/*.txt", "l*", "s*", "d*", "none", "x*"), [""]),
        ("*.txt", ("a*",), ["b.txt"]),
    ],
)
def test_exclude(source: str, exclude: tuple[str, ...], names: list[str]) -> None:
    found = select(TREE, Copy(input=0, sources=(source,), dest="/q/", exclude=exclude))
    assert [below for _, below in found.pairs] == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("d/g.md", ["", "d", "d/g.md"]),
        ("./d/./e", ["", "e", "e/f.txt"]),
        ("d/./e/f.txt", ["", "e", "e/f.txt"]),
        ("x*/y/*.txt", ["", "x1", "x1/y", "x1/y/z.txt", "x2", "x2/y", "x2/y/z2.txt"]),
        ("x*/./y", ["", "y", "y/z.txt", "", "y", "y/z2.txt"]),
        ("**/z2.txt", ["", "x2", "x2/y", "x2/y/z2.txt"]),
        ("q*", []),
    ],
)
def test_parents_keep_their_directories_below_the_pivot(source: str, names: list[str]) -> None:
    found = select(TREE, Copy(input=0, sources=(source,), dest="/q/", parents=True))
    assert [below for _, below in found.pairs] == names


def test_parents_requires_what_has_no_wildcard() -> None:
    with pytest.raises(NotFound):
        select(TREE, Copy(input=0, sources=("d/nothing",), dest="/q/", parents=True))


def test_a_downloads_name_is_no_pattern() -> None:
    tree = tree_of({"a[1]*.txt": "x"})
    found = select(tree, Copy(input=0, sources=("/a[1]*.txt",), dest="/", file_name="a[1]*.txt"))
    assert found.pairs == (("a[1]*.txt", "a[1]*.txt"),)


def changed(path: str, **values: object) -> Tree:
    return Tree(TREE.root, {**TREE.entries, path: TREE.entries[path]._replace(**values)})


@pytest.mark.parametrize(
    ("path", "values", "copy", "same"),
    [
        ("d/g.md", {"mtime_ns": 7}, {}, True),
        ("d/g.md", {"digest": "other"}, {}, False),
        ("d/g.md", {"mode": stat.S_IFREG | 0o755}, {}, False),
        ("d/g.md", {"mode": stat.S_IFREG | 0o755}, {"chmod": "0600"}, True),
        ("d/g.md", {"mode": stat.S_IFREG | 0o755}, {"chmod": "u+x"}, False),
        ("d/g.md", {"uid": 9}, {}, False),
        ("d/g.md", {"uid": 9}, {"chown": "me"}, True),
        ("d/lg", {"digest": "elsewhere"}, {}, False),
        ("d", {"mode": stat.S_IFDIR | 0o700, "uid": 9}, {}, True),
        ("d/e", {"mode": stat.S_IFDIR | 0o700}, {}, False),
        ("d/g.md", {"xattrs": (("user.x", b"1"),)}, {}, False),
        ("a.txt", {"digest": "other"}, {}, True),
    ],
)
def test_the_key_counts_what_is_copied_and_nothing_else(
    path: str, values: dict[str, object], copy: dict[str, str], same: bool
) -> None:
    what = replace(Copy(input=0, sources=("d",), dest="/q"), **copy)
    assert (select(TREE, what).key == select(changed(path, **values), what).key) is same


def test_the_key_counts_names() -> None:
    one, two = tree_of({"d/a": "x", "d/b": "y"}), tree_of({"d/a": "y", "d/b": "x"})
    what = Copy(input=0, sources=("d",), dest="/")
    assert select(one, what).key != select(two, what).key


def test_a_mount_takes_all_below_its_source() -> None:
    assert [below for _, below in select_mount(TREE, "ld").pairs] == [below for _, below in D]
    assert select_mount(TREE, "/a.txt").pairs == (("a.txt", ""),)
    assert select_mount(TREE, "d").key != select_mount(changed("d/g.md", digest="other"), "d").key
    with pytest.raises(NotFound):
        select_mount(TREE, "nothing")


def summary_of(tree: Tree) -> bytes:
    return summary(tree, select(tree, Copy(input=0, sources=(".",), dest="/q/")))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (TREE, ""),
        (changed("d/g.md", digest="other"), "d/g.md changed"),
        (changed("d/g.md", mode=stat.S_IFREG | 0o755), "d/g.md has another mode (644 -> 755)"),
        (changed("d/g.md", uid=9), "d/g.md has another owner (5:6 -> 9:6)"),
    ],
)
def test_the_difference_names_the_file(other: Tree, words: str) -> None:
    assert explain_difference(summary_of(TREE), summary_of(other)) == words


def test_the_difference_of_many_files_is_short() -> None:
    one = tree_of({f"d/f{number}": "x" for number in range(9)})
    two = tree_of({f"d/g{number}": "x" for number in range(9)})
    assert explain_difference(summary_of(one), summary_of(two)) == (
        "9 files were added: d/g0, d/g1, d/g2 and 6 more; 9 files were removed: d/f0, d/f1, d/f2 and 6 more"
    )


def test_very_many_files_are_summed_up_by_directory() -> None:
    files: dict[str, str | None] = {f"d{number % 50}/e/f{number}": "x" for number in range(LIMIT + 1)}
    one = tree_of(files)
    two = tree_of({**files, "d7/e/f7": "y"})
    assert len(summary_of(one)) < 20_000
    assert explain_difference(summary_of(one), summary_of(two)) == "d7/e/ changed"


def test_a_damaged_summary_says_nothing() -> None:
    assert explain_difference(b"junk", b"") == ""
