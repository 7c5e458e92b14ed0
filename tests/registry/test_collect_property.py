"""No interleaving of pushes, mounts, deletes and collection loses what is referenced or promised.

Two workers share one root; every step goes to either of them. Collection runs whole, or one of its steps at a
time between the steps of pushes. A model remembers what clients were told.
"""

import asyncio
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sampan.registry.collect import CollectConfig, Collected
from sampan.registry.config import Config
from sampan.registry.documents import OCI_INDEX, OCI_MANIFEST
from sampan.registry.errors import BlobUnknown, InUse, ManifestBlobUnknown, ManifestUnknown, UploadUnknown
from sampan.registry.names import Reference
from sampan.registry.registry import Registry
from sampan.registry.retention import RetentionRule
from sampan.registry.uploads import Chunk
from tests.registry.support import CONFIG, Clock, image, index, sha256

GRACE = 100.0
EXPIRY = 500.0
REPOSITORIES = ("a", "b", "ci/c")
BLOBS = (*(f"blob {number}".encode() * 50 for number in range(2)), CONFIG)
TAGS = ("v1", "v2")

workers = st.integers(0, 1)
repositories = st.sampled_from(REPOSITORIES)
blobs = st.sampled_from(BLOBS)
tags = st.sampled_from(TAGS)


async def pieces(*data: bytes) -> Any:
    for piece in data:
        yield piece


class Pushes(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="sampan-registry-"))
        self.clock = Clock()
        self.runner = asyncio.Runner()
        self.config = Config(
            root=str(self.root),
            collect=CollectConfig(grace=GRACE),
            upload_expiry=EXPIRY,
            retention=(RetentionRule("ci/**", keep_last=1, untagged_after=GRACE),),
        )
        self.workers = [Registry(self.config, self.clock) for _ in range(2)]
        self.promised: dict[tuple[str, bytes], float] = {}  # told to be there at this time
        self.manifests: dict[tuple[str, str], bytes] = {}
        self.tags: dict[tuple[str, str], str] = {}
        self.uploads: dict[str, tuple[str, bytes, int, float]] = {}

    def teardown(self) -> None:
        for worker in self.workers:
            worker.database.close()
        self.runner.close()
        shutil.rmtree(self.root)

    def run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    # Pushes, step by step

    @rule(worker=workers, name=repositories, data=blobs)
    def begin_upload(self, worker: int, name: str, data: bytes) -> None:
        id = self.run(self.workers[worker].uploads.start(name))
        self.uploads[id] = (name, data, 0, self.clock.now)

    @precondition(lambda self: self.uploads)
    @rule(worker=workers, choose=st.randoms(use_true_random=False))
    def append_half(self, worker: int, choose: Any) -> None:
        id = choose.choice(list(self.uploads))  # ids are random: in the order they were made
        name, data, sent, touched = self.uploads[id]
        half = data[sent : sent + len(data) // 2]
        try:
            size = self.run(self.workers[worker].uploads.append(name, id, Chunk(pieces(half), sent)))
        except UploadUnknown:
            assert touched < self.clock.now - EXPIRY
            del self.uploads[id]
            return
        assert size == sent + len(half)
        self.uploads[id] = (name, data, size, self.clock.now)

    @precondition(lambda self: self.uploads)
    @rule(worker=workers, choose=st.randoms(use_true_random=False))
    def finish_upload(self, worker: int, choose: Any) -> None:
        id = choose.choice(list(self.uploads))  # ids are random: in the order they were made
        name, data, sent, touched = self.uploads.pop(id)
        last = Chunk(pieces(data[sent:]), sent)
        try:
            self.run(self.workers[worker].uploads.finish(name, id, sha256(data), last))
        except UploadUnknown:
            assert touched < self.clock.now - EXPIRY
            return
        self.promised[name, data] = self.clock.now

    @rule(worker=workers, name=repositories, data=blobs)
    def upload_at_once(self, worker: int, name: str, data: bytes) -> None:
        self.run(self.workers[worker].uploads.put(name, sha256(data), Chunk(pieces(data))))
        self.promised[name, data] = self.clock.now

    @rule(worker=workers, name=repositories, source=repositories, data=blobs)
    def mount(self, worker: int, name: str, source: str, data: bytes) -> None:
        if self.run(self.workers[worker].blobs.mount(name, sha256(data), source)) is not None:
            self.promised[name, data] = self.clock.now

    @rule(worker=workers, name=repositories, data=blobs)
    def ask_for_blob(self, worker: int, name: str, data: bytes) -> None:
        """A client that hears "it is here" will not send it, and push its manifest later."""
        try:
            self.run(self.workers[worker].blobs.promise(name, sha256(data)))
        except BlobUnknown:
            return
        # A promise is renewed when a quarter of the grace period has gone, so three quarters are sure.
        self.promised[name, data] = max(self.promised.get((name, data), 0.0), self.clock.now - GRACE / 4)

    @rule(worker=workers, name=repositories, layers=st.lists(blobs, max_size=3, unique=True), tag=tags)
    def push_image(self, worker: int, name: str, layers: list[bytes], tag: str) -> None:
        self.push(worker, name, image(*layers), OCI_MANIFEST, tag, {CONFIG, *layers})

    @rule(worker=workers, name=repositories, layer=blobs, tag=tags)
    def push_whole_image(self, worker: int, name: str, layer: bytes, tag: str) -> None:
        for data in (CONFIG, layer):
            self.upload_at_once(worker, name, data)
        self.push(worker, name, image(layer), OCI_MANIFEST, tag, {CONFIG, layer})
        assert (name, tag) in self.tags

    @precondition(lambda self: self.manifests)
    @rule(worker=workers, tag=tags, choose=st.randoms(use_true_random=False))
    def push_index(self, worker: int, tag: str, choose: Any) -> None:
        name, digest = choose.choice(sorted(self.manifests))
        self.push(worker, name, index(self.manifests[name, digest]), OCI_INDEX, tag, set())

    def push(self, worker: int, name: str, body: bytes, kind: str, tag: str, needs: set[bytes]) -> None:
        put = self.workers[worker].manifests.put(name, Reference(tag, None), kind, body)
        try:
            stored = self.run(put)
        except ManifestBlobUnknown:
            assert any(not self.surely_there(name, data) for data in needs)
            return
        self.manifests[name, stored.digest] = body
        self.tags[name, tag] = stored.digest

    # Deletes

    @rule(worker=workers, name=repositories, tag=tags)
    def delete_tag(self, worker: int, name: str, tag: str) -> None:
        try:
            self.run(self.workers[worker].manifests.delete(name, Reference(tag, None)))
        except ManifestUnknown:
            assert (name, tag) not in self.tags or self.retained(name)
        self.tags.pop((name, tag), None)

    @precondition(lambda self: self.manifests)
    @rule(worker=workers, choose=st.randoms(use_true_random=False))
    def delete_manifest(self, worker: int, choose: Any) -> None:
        name, digest = choose.choice(sorted(self.manifests))
        try:
            self.run(self.workers[worker].manifests.delete(name, Reference(None, digest)))
        except InUse:
            return
        except ManifestUnknown:
            assert self.retained(name)
        del self.manifests[name, digest]
        self.tags = {key: value for key, value in self.tags.items() if (key[0], value) != (name, digest)}

    @rule(worker=workers, name=repositories, data=blobs)
    def delete_blob(self, worker: int, name: str, data: bytes) -> None:
        try:
            self.run(self.workers[worker].blobs.delete(name, sha256(data)))
        except InUse:
            return
        except BlobUnknown:
            assert not self.surely_there(name, data)
        self.promised.pop((name, data), None)

    # Time, collection, and processes that die

    @rule(seconds=st.sampled_from([1.0, GRACE / 2, GRACE + 1, EXPIRY + 1]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(worker=workers)
    def collect(self, worker: int) -> None:
        assert self.run(self.workers[worker].collector.run()) is not None

    @rule(worker=workers, step=st.sampled_from(["_drop_links", "_doom_blobs", "_delete_doomed"]))
    def one_step_of_collection(self, worker: int, step: str) -> None:
        registry = self.workers[worker]
        done = Collected()
        self.run(registry.database.write(lambda db: getattr(registry.collector, step)(db, done)))

    @rule(worker=workers)
    def what_nothing_names_goes(self, worker: int) -> None:
        """But for what a retention rule has only now let go of: its grace period begins."""
        self.clock.now += EXPIRY + 1
        db = self.workers[worker].read
        named = {row[0] for row in db.execute("SELECT digest FROM manifest_references")}
        self.run(self.workers[worker].collector.run())
        layout = self.workers[worker].layout
        kept = {f"sha256:{path.name}" for path in layout.blobs.rglob("*") if path.is_file()}
        assert kept <= named
        assert list(layout.uploads.iterdir()) == []

    @rule(worker=workers)
    def worker_dies(self, worker: int) -> None:
        self.workers[worker].database.close()
        self.workers[worker] = Registry(self.config, self.clock)

    # What must hold

    def retained(self, name: str) -> bool:
        return name.startswith("ci/")

    def surely_there(self, name: str, data: bytes) -> bool:
        return self.promised.get((name, data), 0.0) >= self.clock.now - GRACE

    @invariant()
    def what_clients_were_told_is_true(self) -> None:
        reader = self.workers[0]
        for (name, data), _ in self.promised.items():
            if self.surely_there(name, data):
                assert reader.blobs.find(name, sha256(data)).path.read_bytes() == data
        for (name, digest), body in list(self.manifests.items()):
            try:
                found = reader.manifests.find(name, Reference(None, digest))
            except ManifestUnknown:
                assert self.retained(name)
                del self.manifests[name, digest]
                continue
            assert found.content == body
        for (name, tag), digest in list(self.tags.items()):
            try:
                assert reader.manifests.find(name, Reference(tag, None)).digest == digest
            except ManifestUnknown:
                assert self.retained(name)
                del self.tags[name, tag]

    @invariant()
    def whatever_a_manifest_names_is_there(self) -> None:
        db = self.workers[0].read
        for repository, digest in db.execute("SELECT repository, digest FROM manifest_references"):
            here = (repository, digest)
            if db.execute("SELECT 1 FROM manifests WHERE repository=? AND digest=?", here).fetchone():
                continue
            assert db.execute("SELECT 1 FROM links WHERE repository=? AND digest=?", here).fetchone()
            assert self.workers[0].layout.blob(digest).exists()

    @invariant()
    def counters_are_right(self) -> None:
        check_counters(self.workers[0].read)


def check_counters(db: sqlite3.Connection) -> None:
    wrong = db.execute(
        "SELECT digest FROM blobs AS b WHERE links <>"
        "   (SELECT count(*) FROM links AS l WHERE l.digest = b.digest)"
        " UNION ALL SELECT digest FROM links AS l WHERE refs <>"
        "   (SELECT count(*) FROM manifest_references AS r"
        "     WHERE r.repository = l.repository AND r.digest = l.digest)"
        " UNION ALL SELECT name FROM repositories AS r WHERE bytes <>"
        "   (SELECT coalesce(sum(b.size), 0) FROM links AS l JOIN blobs AS b ON b.digest = l.digest"
        "     WHERE l.repository = r.id)"
        "   + (SELECT coalesce(sum(m.size), 0) FROM manifests AS m WHERE m.repository = r.id)"
    ).fetchall()
    assert wrong == []


TestPushes = Pushes.TestCase
TestPushes.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
