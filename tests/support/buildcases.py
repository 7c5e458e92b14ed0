"""Golden builds: a Dockerfile and its context in, an image's config and files out. The format of the cases:

=== name
One sentence: what it shows.
{"flags": ["--target", "x"], "forms": ["buildx", "sampan"]}     optional; without "forms" all of them
--- Dockerfile
FROM sampan-test
--- "dir/a file" 640                a file and its mode (644)
its content
--- link -> target                  a symbolic link
--- hard = 'dir/a file'             a hard link
--- empty/ 700                      a directory and its mode (755)
--- a.tar.gz archive                a tar, compressed as its name says: "PATH MODE UID:GID content", or
d/ 755 5:6                          "PATH -> TARGET"
"""

import gzip
import hashlib
import io
import json
import os
import shlex
import stat
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import rootfs

# What a build may stand on besides the suite's own image: the same root, imported with these changes.
BASES = {
    "golden-config": [
        "ENV BASE=yes PATH=/usr/local/bin:/usr/bin:/bin EMPTY=",
        "LABEL from=base keep=this",
        "EXPOSE 8080/tcp",
        "VOLUME /data",
        "WORKDIR /srv",
        "USER app",
        'ENTRYPOINT ["/bin/echo"]',
        'CMD ["from", "base"]',
        "STOPSIGNAL SIGUSR1",
        "HEALTHCHECK --interval=5s --retries=2 CMD true",
    ],
    "golden-onbuild": [
        "ONBUILD ENV TRIGGERED=yes",
        "ONBUILD RUN echo triggered > /triggered",
        "ONBUILD COPY child.txt /from-child.txt",
        "ONBUILD LABEL trigger=$TRIGGERED",
    ],
}
_TIMES = 1_600_000_000


@dataclass(frozen=True)
class Case:
    name: str
    sentence: str
    files: list[tuple[str, str, str]] = field(default_factory=list)  # name, rest of the header line, content
    flags: list[str] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)

    def write(self, directory: Path) -> None:
        """The build context, as a directory."""
        for name, rest, content in self.files:
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if rest.startswith("-> "):
                path.symlink_to(rest[3:])
            elif rest.startswith("= "):
                path.hardlink_to(directory / rest[2:])
            elif name.endswith("/"):
                path.mkdir(exist_ok=True)
                path.chmod(int(rest or "755", 8))
            else:
                path.write_bytes(archive(name, content) if rest == "archive" else content.encode())
                path.chmod(int(rest, 8) if rest.isdigit() else 0o644)
                os.utime(path, (_TIMES, _TIMES))


def archive(name: str, listing: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for line in listing.splitlines():
            path, rest = line.split(" ", 1)
            entry = tarfile.TarInfo(path.rstrip("/"))
            entry.mtime = _TIMES
            data = b""
            if rest.startswith("-> "):
                entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, rest[3:], 0o777
            else:
                mode, owner, *content = rest.split(" ", 2)
                entry.mode = int(mode, 8)
                entry.uid, entry.gid = (int(number) for number in owner.split(":"))
                data = (content[0] + "\n").encode() if content else b""
                entry.type = tarfile.DIRTYPE if path.endswith("/") else tarfile.REGTYPE
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    data = buffer.getvalue()
    return gzip.compress(data, mtime=0) if name.endswith("gz") else data


def read(path: Path) -> list[Case]:
    """The cases of one file."""
    cases = []
    for block in path.read_text().split("=== ")[1:]:
        head, *parts = block.split("\n--- ")
        name, sentence, *options = head.strip().split("\n")
        settings = json.loads("".join(options) or "{}")
        files = []
        for part in parts:
            line, _, content = part.partition("\n")
            file, *more = shlex.split(line)
            rest = " ".join(more)
            # The newline before the next header belongs to the content, the one that ends the block too.
            content = content if content.endswith("\n") or not content else content + "\n"
            files.append((file, rest, content))
        if files:
            last = files[-1]
            files[-1] = (last[0], last[1], last[2].rstrip("\n") + "\n" if last[2].strip() else "")
        cases.append(Case(name, sentence, files, settings.get("flags", []), settings.get("forms", [])))
    return cases


def import_bases(api: Any, existing: Iterable[str]) -> None:
    for name, changes in BASES.items():
        if f"{name}:latest" in existing:
            continue
        answer = api.request(
            "POST", "/images/create", rootfs.tar(), fromSrc="-", repo=name, changes="\n".join(changes)
        )
        assert answer.status == 200, answer.body


# What came out


def outcome(inspected: dict[str, Any], history: list[dict[str, Any]], saved: bytes) -> dict[str, Any]:
    """Of an image, what does not depend on who built it when: `saved` is `docker save`'s archive of it."""
    config = {
        key: value
        for key, value in sorted(inspected["Config"].items())
        if value not in (None, "", False, [], {}) and key not in ("Image", "Hostname")
    }
    lines = [
        " ".join(filter(None, ["(empty)" if row["Size"] == 0 else "", row["CreatedBy"], row["Comment"]]))
        for row in history
    ]
    # Docker cannot save an image without layers.
    own, files = _files(saved) if inspected["RootFS"].get("Layers") else (0, {})
    return {
        "config": config,
        "author": inspected.get("Author", ""),
        "history": lines,
        "layers": own,
        "files": files,
    }


def _files(saved: bytes) -> tuple[int, dict[str, str]]:
    """How many layers are on top of the base's, and what they change."""
    with tarfile.open(fileobj=io.BytesIO(saved)) as outer:
        manifest = json.load(outer.extractfile("manifest.json"))  # type: ignore[arg-type]
        config = json.load(outer.extractfile(manifest[0]["Config"]))  # type: ignore[arg-type]
        names = manifest[0]["Layers"]
        based = _based(config)
        base: dict[str, str] = {}
        found: dict[str, str] = {}
        for number, name in enumerate(names):
            member = outer.extractfile(name)
            assert member
            _merge(base if number < based else found, member.read())
    # A directory on the way to a change may be listed again as it was: that is no change.
    changed = {
        path: what
        for path, what in sorted(found.items())
        if not (what.endswith("directory") and base.get(path) == what)
    }
    return len(names) - based, changed


def _based(config: dict[str, Any]) -> int:
    """Layers of the base: those an import made."""
    return sum("Imported from" in (entry.get("comment") or "") for entry in config["history"])


def _merge(found: dict[str, str], layer: bytes) -> None:
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        for entry in tar:
            path = entry.name.removeprefix("./").rstrip("/")
            directory, _, base = path.rpartition("/")
            if base == ".wh..wh..opq":
                for old in [old for old in found if old.startswith(f"{directory}/")]:
                    del found[old]
                found[f"{directory}/*"] = "opaque"
            elif base.startswith(".wh."):
                gone = f"{directory}/{base[4:]}".lstrip("/")
                for old in [old for old in found if old == gone or old.startswith(f"{gone}/")]:
                    del found[old]
                found[gone] = "deleted"
            elif path:
                found[path] = _described(tar, entry)


def _described(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    owner = f"{stat.S_IMODE(entry.mode):04o} {entry.uid}:{entry.gid}"
    if entry.isreg():
        stream = tar.extractfile(entry)
        assert stream
        digest = hashlib.sha256(stream.read()).hexdigest()[:12]
        return f"{owner} file {entry.size} {digest}"
    if entry.issym():
        return f"{owner} -> {entry.linkname}"
    if entry.islnk():
        return f"= {entry.linkname}"
    return f"{owner} directory" if entry.isdir() else f"{owner} type {entry.type!r}"
