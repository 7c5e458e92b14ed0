"""ls, tag, rmi, history, inspect, prune, save, load, import, export, commit."""

import gzip
import io
import json
import os
import re
import tarfile

import pytest
import zstandard

from tests.support import rootfs
from tests.support.api import Api
from tests.support.client import Client


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {entry.name.removeprefix("./"): entry for entry in archive}


def test_an_image_is_tagged_listed_and_untagged(cli: Client, image: str, unique: str) -> None:
    cli.ok("tag", image, f"{unique}:one")
    cli.ok("tag", image, f"{unique}:two")
    shown = cli.ok("images", unique, "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").splitlines()
    assert sorted(line.split()[0] for line in shown) == [f"{unique}:one", f"{unique}:two"]
    assert len({line.split()[1] for line in shown}) == 1
    assert cli.ok("images", "-q", f"{unique}:one") == cli.ok("images", "-q", image)
    assert cli.ok("rmi", f"{unique}:one") == f"Untagged: {unique}:one"
    assert cli.ok("images", unique, "--format", "{{.Tag}}") == "two"
    cli.fails("rmi", f"{unique}:one", says=f"No such image: {unique}:one")
    cli.fails("tag", "no-such-image", unique, says="No such image: no-such-image")


def test_images_are_shown_as_a_table(cli: Client, image: str) -> None:
    header, *rows = cli.ok("images", image).splitlines()
    assert header.split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    assert rows and rows[0].split()[:2] == [image, "latest"]
    row = json.loads(cli.ok("images", image, "--format", "json").splitlines()[0])
    assert row["Repository"] == image and row["Tag"] == "latest" and row["Size"].endswith("MB")
    full = cli.ok("images", "-q", "--no-trunc", image)
    assert re.fullmatch("sha256:[0-9a-f]{64}", full)


def test_an_image_is_inspected(cli: Client, image: str) -> None:
    shown = cli.inspect(image, "image")
    assert shown["RepoTags"][0] == f"{image}:latest"
    assert shown["Config"]["Cmd"] == ["sh"]
    assert (shown["Os"], shown["RootFS"]["Type"], len(shown["RootFS"]["Layers"])) == ("linux", "layers", 1)
    assert cli.inspect(shown["Id"], "image")["Id"] == shown["Id"]
    assert cli.inspect(shown["Id"].removeprefix("sha256:")[:12], "image")["Id"] == shown["Id"]
    cli.fails("image", "inspect", "no-such-image", says="(?i)no such image: no-such-image")


def test_history_tells_every_layer(docker: Client, image: str, unique: str) -> None:
    made = docker.ok("run", "-d", image, "touch", "/x")
    docker.ok("wait", made)
    docker.ok("commit", "-m", "added x", "-a", "me", made, unique)
    rows = docker.ok("history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}", unique).splitlines()
    assert rows[0] == "touch /x|added x" and len(rows) == 2
    assert docker.ok("history", unique).split()[:2] == ["IMAGE", "CREATED"]
    assert docker.inspect(unique, "image")["Author"] == "me"


def test_an_image_in_use_is_not_removed(docker: Client, image: str, unique: str) -> None:
    docker.ok("commit", docker.ok("create", image), unique)
    id = docker.inspect(unique, "image")["Id"]
    made = docker.ok("create", unique)
    docker.fails(
        "rmi",
        unique,
        says=rf"conflict: unable to (remove repository reference|delete).*container {made[:12]}",
    )
    docker.ok("start", made)
    docker.ok("wait", made)
    docker.ok("rm", made)
    shown = docker.ok("rmi", unique).splitlines()
    assert shown[0] == f"Untagged: {unique}:latest" and f"Deleted: {id}" in shown


def test_an_image_with_two_tags_is_removed_by_id_only_by_force(
    docker: Client, image: str, unique: str
) -> None:
    docker.ok("commit", docker.ok("create", image), f"{unique}:a")
    docker.ok("tag", f"{unique}:a", f"{unique}-b:b")
    id = docker.inspect(f"{unique}:a", "image")["Id"]
    docker.fails("rmi", id, says="image is referenced in multiple repositories")
    shown = docker.ok("rmi", "-f", id)
    assert f"Untagged: {unique}:a" in shown and f"Deleted: {id}" in shown


def test_an_image_with_children_stays(docker: Client, image: str, unique: str) -> None:
    docker.ok("commit", docker.ok("create", image), unique)
    made = docker.ok("create", unique)
    docker.ok("commit", "-c", "ENV A=1", made, f"{unique}-child")
    docker.ok("rm", made)
    shown = docker.ok("rmi", unique)
    assert shown.splitlines()[0] == f"Untagged: {unique}:latest"
    assert docker.ok("run", "--rm", f"{unique}-child", "sh", "-c", "echo $A") == "1"


def test_a_commit_keeps_what_the_container_changed(cli: Client, image: str, unique: str) -> None:
    line = "echo new >/new; rm /etc/group; chown 1000 /var/www; ln -s /new /link; mkdir -m 700 /d; rm -r /home; mkdir /home"
    made = cli.ok("run", "-d", image, "sh", "-c", line)
    cli.ok("wait", made)
    assert re.fullmatch("sha256:[0-9a-f]{64}", cli.ok("commit", made, unique))
    look = "cat /link; ls /etc/group 2>/dev/null; stat -c %u /var/www; stat -c %a /d; ls /home; cat /var/www/index.html"
    assert cli.ok("run", "--rm", unique, "sh", "-c", look) == "new\n1000\n700\nit works"


CHANGES = [
    ("ENV A=1 B=two", "Env", "A=1"),
    ("CMD echo hi", "Cmd", ["/bin/sh", "-c", "echo hi"]),
    ('CMD ["a", "b"]', "Cmd", ["a", "b"]),
    ('ENTRYPOINT ["e"]', "Entrypoint", ["e"]),
    ("EXPOSE 80 53/udp", "ExposedPorts", {"80/tcp": {}, "53/udp": {}}),
    ("LABEL k=v", "Labels", "k"),
    ("USER app", "User", "app"),
    ("VOLUME /v", "Volumes", {"/v": {}}),
    ("WORKDIR /w", "WorkingDir", "/w"),
    ("STOPSIGNAL SIGINT", "StopSignal", "SIGINT"),
    ("HEALTHCHECK --retries=4 CMD true", "Healthcheck", "Retries"),
    ("ONBUILD RUN x", "OnBuild", ["RUN x"]),
]


@pytest.mark.parametrize(
    ("change", "field", "value"), CHANGES, ids=[row[0].split()[0] + str(i) for i, row in enumerate(CHANGES)]
)
def test_a_commit_takes_changes(
    docker: Client, image: str, unique: str, change: str, field: str, value: object
) -> None:
    docker.ok("commit", "-c", change, docker.ok("create", image), unique)
    got = docker.inspect(unique, "image")["Config"][field]
    if isinstance(got, list | dict) and isinstance(value, str):
        assert value in got
    else:
        assert got == value


def test_a_commit_refuses_other_changes(docker: Client, image: str, unique: str) -> None:
    made = docker.ok("create", image)
    docker.fails("commit", "-c", "RUN x", made, unique, says="(?i)run is not a valid change command")


def test_commit_pauses_a_running_container(docker: Client, image: str, unique: str) -> None:
    made = docker.ok("run", "-d", image, "sh", "-c", "while :; do echo x >>/grow; done")
    docker.ok("commit", made, unique)
    docker.ok("commit", "--pause=false", made, unique)
    assert docker.state(made)["Running"] and not docker.state(made)["Paused"]
    assert int(docker.ok("run", "--rm", unique, "sh", "-c", "wc -l </grow")) > 0


def test_a_saved_image_is_loaded_again(docker: Client, image: str, unique: str) -> None:
    made = docker.ok("run", "-d", image, "sh", "-c", "echo saved >/saved")
    docker.ok("wait", made)
    docker.ok("commit", "-c", "LABEL kept=yes", made, unique)
    id = docker.inspect(unique, "image")["Id"]
    docker.ok("rm", made)
    saved = docker("save", unique).raw
    names = members(saved)
    assert {"manifest.json", "index.json", "oci-layout"} <= set(names)
    docker.ok("rmi", unique)
    for pack in (bytes, gzip.compress, zstandard.ZstdCompressor().compress):
        shown = docker.ok("load", stdin=pack(saved))
        assert shown == f"Loaded image: {unique}:latest"
        assert docker.inspect(unique, "image")["Id"] == id
        assert docker.ok("run", "--rm", unique, "cat", "/saved") == "saved"
        docker.ok("rmi", unique)


def test_several_images_are_saved_together(docker: Client, image: str, unique: str) -> None:
    docker.ok("tag", image, f"{unique}:a")
    docker.ok("commit", "-c", "ENV A=1", docker.ok("create", image), f"{unique}:b")
    with tarfile.open(fileobj=io.BytesIO(docker("save", f"{unique}:a", f"{unique}:b").raw)) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest
        tags = [tag for entry in json.load(manifest) for tag in entry["RepoTags"]]
    assert sorted(tags) == [f"{unique}:a", f"{unique}:b"]


def test_what_is_no_image_is_not_loaded(docker: Client) -> None:
    assert docker("load", stdin=b"this is no archive").code == 1
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    assert docker("load", stdin=empty.getvalue()).code == 1
    docker.fails("save", "no-such-image", says="(?i)no such image: no-such-image")


def test_an_archive_cannot_write_outside_the_image(docker: Client, unique: str, image: str) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        rootfs.add(archive, "link", kind=tarfile.SYMTYPE, link="/var/tmp")
        rootfs.add(archive, f"link/{unique}-escaped", b"x")
        rootfs.add(archive, f"../../../../../../var/tmp/{unique}-escaped", b"x")
    docker("import", "-", unique, stdin=data.getvalue())
    assert not os.path.exists(f"/var/tmp/{unique}-escaped")


def test_import_makes_an_image_of_one_layer(cli: Client, image: str, unique: str) -> None:
    data = rootfs.tar()
    for pack in (bytes, gzip.compress):
        id = cli.ok(
            "import", "-c", "CMD echo imported", "-m", "by hand", "-", f"{unique}:t", stdin=pack(data)
        )
        assert re.fullmatch("sha256:[0-9a-f]{64}", id)
        assert cli.ok("run", "--rm", f"{unique}:t") == "imported"
        assert cli.inspect(f"{unique}:t", "image")["Comment"] == "by hand"


def test_export_gives_the_whole_file_system(cli: Client, image: str, unique: str) -> None:
    made = cli.ok(
        "run", "-d", "-v", "/mounted", image, "sh", "-c", "echo x >/mine; rm /etc/group; touch /mounted/not"
    )
    cli.ok("wait", made)
    names = members(cli("export", made).raw)
    assert {"mine", "bin/busybox", "etc/passwd"} <= set(names)
    assert "etc/group" not in names and "mounted/not" not in names
    assert names["home/app"].uid == 1000


def test_an_export_is_imported_again(docker: Client, image: str, unique: str) -> None:
    made = docker.ok("run", "-d", image, "sh", "-c", "echo round >/trip")
    docker.ok("wait", made)
    docker.ok("import", "-", unique, stdin=docker("export", made).raw)
    assert docker.ok("run", "--rm", unique, "cat", "/trip") == "round"


FILTERS = [
    ("reference=P", {"P:one", "P:two"}),
    ("reference=P:o*", {"P:one"}),
    ("label=kind=first", {"P:one"}),
]


def test_images_are_filtered(docker: Client, image: str, unique: str) -> None:
    docker.ok("commit", "-c", "LABEL kind=first", docker.ok("create", image), f"{unique}:one")
    docker.ok("commit", "-c", "LABEL kind=second", docker.ok("create", image), f"{unique}:two")
    for text, wanted in FILTERS:
        shown = docker.ok(
            "images", "--filter", text.replace("P", unique), "--format", "{{.Repository}}:{{.Tag}}"
        )
        assert set(shown.split()) == {tag.replace("P", unique) for tag in wanted}, text
    since = docker.ok(
        "images", "--filter", f"since={unique}:one", "--format", "{{.Repository}}:{{.Tag}}"
    ).split()
    assert f"{unique}:two" in since and f"{unique}:one" not in since


def test_dangling_images_are_pruned(docker: Client, image: str, unique: str) -> None:
    label = f"{docker.label}=prune"
    docker.ok("commit", "-c", f"LABEL {label}", docker.ok("create", image), unique)
    first = docker.inspect(unique, "image")["Id"]
    docker.ok("commit", "-c", f"LABEL {label}", "-c", "ENV X=1", docker.ok("create", image), unique)
    assert first.removeprefix("sha256:")[:12] in docker.ok("images", "-q", "--filter", "dangling=true")
    shown = docker.ok("image", "prune", "-f", "--filter", f"label={label}")
    assert f"deleted: {first}" in shown
    assert docker.inspect(unique, "image")["Id"] != first


def test_a_pull_that_cannot_reach_a_registry_says_so(cli: Client, image: str) -> None:
    cli.fails("pull", "localhost:1/no/such", says="(?i)connection refused|connect")


BAD_NAMES = [
    ("UPPER", "(?i)invalid reference format|must be lowercase"),
    ("a//b", "(?i)invalid reference format"),
    ("a:b:c", "(?i)invalid reference format"),
    ("-x-/y", "(?i)invalid reference format|unknown shorthand"),
]


@pytest.mark.parametrize(("name", "says"), BAD_NAMES)
def test_bad_names_are_refused(cli: Client, image: str, name: str, says: str) -> None:
    result = cli("tag", image, name)
    assert result.code != 0 and re.search(says, result.err), str(result)


def test_images_are_counted_by_df(docker: Client, api: Api, image: str) -> None:
    header = docker.ok("system", "df").splitlines()[0].split()
    assert header == ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]
    usage = api.get("/system/df").json
    assert any(f"{image}:latest" in (row["RepoTags"] or []) for row in usage["Images"])
    assert usage["LayersSize"] > 0
